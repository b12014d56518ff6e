import { commit, type Draft } from "../store/commit.ts";
import type { Generation, Reason } from "../store/generation.ts";
import { encodePins, type Pin, readPins } from "../store/pins.ts";
import type { Store } from "../store/store.ts";

export interface PinsChange {
  readonly reason: Reason;
  readonly pins: readonly Pin[];
}

/** Publishes other pins with the documents of the newest generation: nothing is rendered. Undefined when there is nothing to change. */
export async function changePins(
  store: Store,
  change: (
    pins: readonly Pin[],
    base: Generation,
  ) => PinsChange | undefined | Promise<PinsChange | undefined>,
  { now = Date.now }: { readonly now?: () => number } = {},
): Promise<Generation | undefined> {
  const writer = await store.writer("pin");
  try {
    const build = async (base: Generation | undefined): Promise<Draft | undefined> => {
      if (base === undefined) return undefined;
      const changed = await change(await readPins(store, base), base);
      if (changed === undefined) return undefined;
      const bytes = await encodePins(changed.pins);
      const blob = bytes === undefined ? undefined : await writer.put(bytes);
      return {
        reason: changed.reason,
        rules: base.rules,
        streams: base.streams,
        documents: base.documents,
        pins: blob ?? "none",
        blobs: { added: blob === undefined ? [] : [blob.sha256] },
      };
    };
    return await commit(store, writer, build, { now });
  } finally {
    await writer.close();
  }
}
