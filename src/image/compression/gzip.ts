import { createGunzip } from "node:zlib";
import { damaged } from "./damage.ts";
import { throughTransform } from "./through-transform.ts";

/** Decodes gzip, also of several members one after another, and checks their sums. */
export function gunzip(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  return throughTransform(source, createGunzip({ chunkSize: 128 * 1024 }), (cause) =>
    damaged(name, "gzip", "the gzip data does not end as it should, or fails its check", cause),
  );
}
