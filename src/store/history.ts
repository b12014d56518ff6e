import type { Generation } from "./generation.ts";
import { contains } from "./keeps.ts";
import type { Store } from "./store.ts";

export interface PastGeneration {
  readonly generation: Generation;
  /** Whether everything it lists is still there; true for the newest. */
  readonly kept: boolean;
}

/** From the newest back to the first. Generation files are never deleted; a missing one ends the walk. */
export async function* history(store: Store): AsyncGenerator<PastGeneration> {
  const newest = await store.newest();
  const isKept = (number: number): boolean =>
    newest !== undefined && (number === newest.number || contains(newest.keeps, number));
  let generation = newest;
  while (generation !== undefined) {
    const { number, parent } = generation;
    yield { generation, kept: isKept(number) };
    generation = parent > 0 && parent < number ? await store.generation(parent) : undefined;
  }
}
