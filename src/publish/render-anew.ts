import type { Generation, Reason } from "../store/generation.ts";
import type { Store } from "../store/store.ts";
import { RULES } from "../views/rules.ts";
import { publish, type PublishOptions } from "./publish.ts";

/**
 * Publishes what is listed once more when this program renders by newer rules than the newest generation's. A server
 * does so at its start, so that an upgrade reaches clients without anybody adding an image.
 * @returns the new generation, or undefined when the rules were the same
 */
export async function renderAnew(store: Store): Promise<Generation | undefined> {
  const newest = await store.newest();
  if (newest === undefined || newest.rules >= RULES) return undefined;
  return publishAgain(store, { verb: "render", text: `rules ${newest.rules} to ${RULES}` });
}

/** Publishes what is listed as it is, for what is made on the way: documents by newer rules, signatures by another key. */
export async function publishAgain(
  store: Store,
  reason: Reason,
  options: PublishOptions = {},
): Promise<Generation | undefined> {
  if ((await store.newest()) === undefined) return undefined;
  const writer = await store.writer(reason.verb);
  try {
    return await publish(store, writer, (streams) => ({ reason, streams }), options);
  } finally {
    await writer.close();
  }
}
