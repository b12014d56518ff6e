import { transferItem, type TransferParts } from "./transfer-item.ts";
import type { Transfers } from "./transfer.ts";

/** Transfers in this thread, each as soon as it is asked for: for stores that have no folder, and for what is small. */
export function directTransfers(
  parts: Pick<TransferParts, "store" | "writer" | "upstream" | "wait">,
): Transfers {
  return {
    transfer: (job, events, signal) => transferItem({ ...parts, job, events, signal }),
    close: async () => undefined,
  };
}
