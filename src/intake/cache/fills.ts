import type { ServedItem } from "../../store/items.ts";
import type { BlobReader } from "../../store/store.ts";

/**
 * How a server process gets at items that are at the upstream. One download per store, whoever asks: the process that holds
 * `state/serve.sock` downloads, all others ask it there.
 */
export interface Fills {
  /**
   * A reader of the item, which may still be growing: reads wait for bytes to come and fail when the download does. Resolves once upstream has
   * answered. Throws UPSTREAM_REFUSED with upstream's status in `details.status`, UPSTREAM_UNREACHABLE after 20 s at most,
   * or UPSTREAM_WRONG.
   */
  open(item: ServedItem, signal: AbortSignal): Promise<BlobReader>;
  /** A held item of a cache was asked for: it goes last when space is needed. */
  used(item: ServedItem): void;
  close(): Promise<void>;
}
