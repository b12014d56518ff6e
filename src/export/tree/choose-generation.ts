import { HeadwaterError } from "../../error.ts";
import type { Generation } from "../../store/generation.ts";
import { keptGeneration } from "../../store/kept-generation.ts";
import type { Store } from "../../store/store.ts";

export interface Choice {
  /** A number, or a day; left out: the newest. */
  readonly generation?: string | undefined;
  /** Left out: the merged root and those of all image streams. */
  readonly stream?: string | undefined;
}

/** The generation that is meant. Throws what `keptGeneration` throws, and NOT_FOUND for an image stream that is not in it. */
export async function chooseGeneration(
  store: Store,
  { generation: name, stream }: Choice,
): Promise<Generation> {
  const generation = await keptGeneration(store, name);
  if (stream !== undefined && !generation.streams.some((one) => one.name === stream)) {
    throw new HeadwaterError("NOT_FOUND", `there is no image stream ${JSON.stringify(stream)}`, {
      hint: `There are: ${generation.streams.map((one) => one.name).join(", ")}.`,
    });
  }
  return generation;
}
