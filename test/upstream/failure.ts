import { HeadwaterError } from "../../src/error.ts";

/** The error that a piece of work fails with: it must be a foreseen one. */
export async function failureOf(work: Promise<unknown>): Promise<HeadwaterError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error("expected a failure, and it worked");
}
