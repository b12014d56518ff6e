import { openHttpUpstream } from "../../src/upstream/http/http-upstream.ts";
import { PATIENCE, type Patience } from "../../src/upstream/http/connection.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import type { UpstreamOptions } from "../../src/upstream/upstream-options.ts";
import { type HostileSite, type SiteOptions, startSite } from "./hostile-site.ts";

const opened: { close(): Promise<void> }[] = [];

export function endsWithTest<T extends { close(): Promise<void> }>(made: T): T {
  opened.push(made);
  return made;
}

/** A site that ends with the test. */
export async function site(options: SiteOptions = {}): Promise<HostileSite> {
  return endsWithTest(await startSite(options));
}

/** An upstream over HTTP that ends with the test. */
export function upstreamAt(
  { url, ca }: { readonly url: string; readonly ca?: string | undefined },
  options: Partial<UpstreamOptions> = {},
  patience: Partial<Patience> = {},
): Upstream {
  const all = { url, ...(ca === undefined ? {} : { ca }), ...options };
  return endsWithTest(openHttpUpstream(all, "Headwater/0.0.0", { ...PATIENCE, ...patience }));
}

export async function closeAll(): Promise<void> {
  for (const each of opened.splice(0).toReversed()) await each.close();
}

/** All bytes of a body, or the error it ends with. */
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
