import { InvalidArgumentError } from "commander";

/** Reads a whole number from 1 up, for commander. */
export function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError("Expected a whole number from 1 up.");
  return Number(text);
}
