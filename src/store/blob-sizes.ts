import { severalAtOnce } from "./several-at-once.ts";
import type { Sha256, Store } from "./store.ts";

/** Looks under way at once: one after the other, ten thousand files take seconds. */
const AT_ONCE = 64;

/** The sizes of blobs in bytes, of those that are there. */
export async function sizesOf(
  store: Pick<Store, "sizeOf">,
  blobs: Iterable<Sha256>,
): Promise<Map<Sha256, number>> {
  const sizes = new Map<Sha256, number>();
  await severalAtOnce([...blobs], AT_ONCE, async (sha256) => {
    const size = await store.sizeOf(sha256);
    if (size !== undefined) sizes.set(sha256, size);
  });
  return sizes;
}
