import type { Sha256, Store } from "./store.ts";

/** Looks under way at once: one after the other, ten thousand files take seconds. */
const AT_ONCE = 64;

/** The sizes of blobs in bytes, of those that are there. */
export async function sizesOf(
  store: Pick<Store, "sizeOf">,
  blobs: Iterable<Sha256>,
): Promise<Map<Sha256, number>> {
  const sizes = new Map<Sha256, number>();
  const all = [...blobs];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE);
    const found = await Promise.all(some.map((sha256) => store.sizeOf(sha256)));
    for (const [index, sha256] of some.entries()) {
      const size = found[index];
      if (size !== undefined) sizes.set(sha256, size);
    }
  }
  return sizes;
}
