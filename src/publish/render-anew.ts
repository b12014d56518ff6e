import type { Generation } from "../store/generation.ts";
import type { Store } from "../store/store.ts";
import { RULES } from "../views/rules.ts";
import { publish } from "./publish.ts";

/**
 * Publishes what is listed once more when this program renders by newer rules than the newest generation's. A server
 * does so at its start, so that an upgrade reaches clients without anybody adding an image.
 * @returns the new generation, or undefined when the rules were the same
 */
export async function renderAnew(store: Store): Promise<Generation | undefined> {
  const newest = await store.newest();
  if (newest === undefined || newest.rules >= RULES) return undefined;
  const writer = await store.writer("render");
  try {
    return await publish(store, writer, (streams) => ({
      reason: { verb: "render", text: `rules ${newest.rules} to ${RULES}` },
      streams,
    }));
  } finally {
    await writer.close();
  }
}
