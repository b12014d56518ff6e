import type { Store } from "../../store/store.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { Transfers } from "../transfer/transfer.ts";
import type { StreamPolicy } from "./stream-policy.ts";

export interface SyncOptions {
  readonly store: Store;
  readonly upstream: Upstream;
  /** Opens what downloads into the area of the writer with this id. */
  readonly openTransfers: (writerId: string, parallel: number) => Transfers;
  /** Names of the image streams of all upstreams, in the configured order of precedence. `images` is before them. */
  readonly order: readonly string[];
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SyncEvent) => void;
  readonly now?: () => number;
}

/** For progress bars. */
export type SyncEvent =
  /** Before the first download; again when it changes. */
  | { readonly kind: "planned"; readonly files: number; readonly bytes: number }
  | { readonly kind: "begin"; readonly path: string; readonly size: number }
  | { readonly kind: "progress"; readonly path: string; readonly written: number }
  | { readonly kind: "end"; readonly path: string }
  | { readonly kind: "failed"; readonly path: string; readonly error: unknown };

export interface Amount {
  readonly images: number;
  readonly files: number;
  readonly bytes: number;
}

export interface SyncReport {
  readonly stream: string;
  /** The generation made; undefined when nothing changed, and with `dryRun`. */
  readonly published: number | undefined;
  /** What came (would come), went and stayed. Bytes of files, each counted once. */
  readonly come: Amount;
  readonly go: Amount;
  readonly stay: Amount;
  /** Bytes over the network in this run, without documents. */
  readonly fetched: number;
  /** Images left out because something is wrong with them at the upstream; the next sync tries again. */
  readonly failures: readonly {
    readonly product: string;
    readonly version: string;
    readonly path: string;
    readonly error: unknown;
  }[];
  /** Products and items that were left out of what clients see, with the reason. */
  readonly oddities: readonly string[];
  /** The upstream answered with an older state than it did before; it is not believed yet. */
  readonly isOlder: boolean;
  /** Aliases that an earlier image stream has and clients therefore do not get from this one. */
  readonly hiddenAliases: readonly { readonly alias: string; readonly owner: string }[];
}

/**
 * Brings one image stream up to date with its upstream: documents fetched (or found unchanged), verified and believed; a plan; for a
 * mirror the downloads; one generation that names exactly what is held. Publishes nothing when nothing changed. Throws what makes the
 * whole upstream unusable now (UPSTREAM_..., DOCUMENT_INVALID) after noting it: the last good state stays listed.
 */
export declare function syncUpstream(policy: StreamPolicy, options: SyncOptions): Promise<SyncReport>;
