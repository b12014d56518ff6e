import type { Generation } from "./generation.ts";
import type { Store } from "./store.ts";

/** What was listed when a day began. */
export interface GenerationOfDay {
  readonly number: number;
  /**
   * Whether it stays so: a later generation was made after midnight, and times only grow from one generation to the next. Until
   * then a writer that took its time before midnight may still be about to publish.
   */
  readonly isSettled: boolean;
}

/** Whether a name of a generation is a day, such as `2026-11-21`; 2026-02-30 is none. */
export function isDay(name: string): boolean {
  return !Number.isNaN(midnightOf(name));
}

/**
 * The newest generation made at or before 00:00 UTC of a day; undefined for a day that has not begun, and for one before the
 * first generation. Found by halving, as `createdAt` only grows.
 */
export async function generationOfDay(
  store: Pick<Store, "generation">,
  newest: Generation,
  { day, nowMs }: { readonly day: string; readonly nowMs: number },
): Promise<GenerationOfDay | undefined> {
  const midnight = midnightOf(day);
  if (!(midnight <= nowMs)) return undefined;
  if (Date.parse(newest.createdAt) <= midnight) return { number: newest.number, isSettled: false };
  let low = 0;
  let high = newest.number - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const generation = await store.generation(middle);
    if (generation === undefined || Date.parse(generation.createdAt) > midnight) high = middle - 1;
    else low = middle;
  }
  return low === 0 ? undefined : { number: low, isSettled: true };
}

/** NaN when it is no day. */
function midnightOf(day: string): number {
  const midnight = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  const isDate = !Number.isNaN(midnight) && new Date(midnight).toISOString().slice(0, 10) === day;
  return isDate ? midnight : Number.NaN;
}
