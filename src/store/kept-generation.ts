import { HeadwaterError } from "../error.ts";
import type { Generation } from "./generation.ts";
import { generationOfDay, isDay } from "./generation-of-day.ts";
import { contains } from "./keeps.ts";
import type { Store } from "./store.ts";

/**
 * The generation that a person means, as long as everything it lists is there: a number, or a day for what was listed at its 00:00 UTC; the
 * newest when none is named.
 * @throws USAGE for any other name, NOT_FOUND when there was no such generation, GENERATION_GONE when its files may be gone
 */
export async function keptGeneration(
  store: Store,
  name?: string,
  nowMs: number = Date.now(),
): Promise<Generation> {
  const newest = await store.newest();
  if (name === undefined) return newest ?? nothingYet(store);
  const number = await numberOf(store, newest, { name, nowMs });
  const target = number === newest?.number ? newest : await store.generation(number);
  if (newest === undefined || target === undefined) throw notFound(`there is no generation ${number}`);
  if (number !== newest.number && !contains(newest.keeps, number)) {
    throw new HeadwaterError(
      "GENERATION_GONE",
      `generation ${number} is no longer kept; files it lists may be gone`,
      {
        hint: "headwater history shows which ones are kept. Image files can be added again.",
        details: { generation: number },
      },
    );
  }
  return target;
}

async function numberOf(
  store: Store,
  newest: Generation | undefined,
  { name, nowMs }: { readonly name: string; readonly nowMs: number },
): Promise<number> {
  if (/^[1-9]\d{0,14}$/.test(name)) return Number(name);
  if (!isDay(name)) {
    throw new HeadwaterError("USAGE", `"${name}" names no generation`, {
      hint: "Give its number, or a day such as 2026-11-21 for what was listed at its 00:00 UTC.",
      details: { name },
    });
  }
  const found = newest && (await generationOfDay(store, newest, { day: name, nowMs }));
  if (found !== undefined) return found.number;
  const hasBegun = Date.parse(`${name}T00:00:00Z`) <= nowMs;
  throw notFound(hasBegun ? `there was no generation yet when ${name} began` : `${name} has not begun (UTC)`);
}

function nothingYet(store: Store): never {
  throw new HeadwaterError("NOT_FOUND", `the store ${store.name} lists nothing yet`, {
    hint: "Add an image first: headwater add --help",
  });
}

function notFound(message: string): HeadwaterError {
  return new HeadwaterError("NOT_FOUND", message, { hint: "headwater history lists them." });
}
