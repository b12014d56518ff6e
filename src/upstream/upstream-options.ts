/** Everything that is needed to open an upstream. Plain data: it is handed to threads. */
export interface UpstreamOptions {
  /** Base URL, without credentials. */
  readonly url: string;
  /** Other addresses of the same content, tried in turn when one fails. */
  readonly alternates?: readonly string[];
  /** HTTP basic authentication; sent to `url` and `alternates` only, over TLS only (or to loopback). */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** PEM of certificates that are trusted besides the system's. */
  readonly ca?: string;
  /** Hosts that items may redirect to wherever they are. */
  readonly allowRedirect?: readonly string[];
  /** Bytes per second for all downloads of this upstream together. */
  readonly bandwidth?: number;
}
