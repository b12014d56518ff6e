import { HeadwaterError } from "../../error.ts";
import type { Generation } from "../../store/generation.ts";
import { contains } from "../../store/keeps.ts";
import type { Store } from "../../store/store.ts";

export interface Choice {
  /** Left out: the newest. */
  readonly generation?: number | undefined;
  /** Left out: the merged root and those of all image streams. */
  readonly stream?: string | undefined;
}

/** The generation that is meant. Throws NOT_FOUND and GENERATION_GONE. */
export async function chooseGeneration(
  store: Store,
  { generation: number, stream }: Choice,
): Promise<Generation> {
  const newest = await store.newest();
  const generation =
    number === undefined || number === newest?.number ? newest : await store.generation(number);
  if (newest === undefined || generation === undefined) throw noGeneration(store, number);
  if (generation.number !== newest.number && !contains(newest.keeps, generation.number)) {
    throw new HeadwaterError(
      "GENERATION_GONE",
      `generation ${generation.number} is no longer kept; files it lists may be gone`,
      {
        hint: "headwater history shows which ones are kept.",
        details: { generation: generation.number },
      },
    );
  }
  if (stream !== undefined && !generation.streams.some(({ name }) => name === stream)) {
    throw new HeadwaterError("NOT_FOUND", `there is no image stream ${JSON.stringify(stream)}`, {
      hint: `There are: ${generation.streams.map(({ name }) => name).join(", ")}.`,
    });
  }
  return generation;
}

function noGeneration(store: Store, number: number | undefined): HeadwaterError {
  if (number === undefined) {
    return new HeadwaterError("NOT_FOUND", `the store ${store.name} lists nothing yet`, {
      hint: "Add an image first: headwater add --help",
    });
  }
  return new HeadwaterError("NOT_FOUND", `there is no generation ${number}`, {
    hint: "headwater history lists them.",
  });
}
