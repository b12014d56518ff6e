import { expect } from "vitest";
import { HeadwaterError } from "../../src/error.ts";

/** The HeadwaterError that a promise ends in. */
export async function failureOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  const outcome: unknown = await promise.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(HeadwaterError);
  if (outcome instanceof HeadwaterError) return outcome;
  throw new Error("no HeadwaterError");
}
