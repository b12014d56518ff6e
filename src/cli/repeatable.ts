import { InvalidArgumentError } from "commander";

/** Collects an option that may be given several times, for commander. */
export function repeatable(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Collects `key=value` options, for commander; the last of one key counts. */
export function repeatablePair(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Expected key=value.");
  const pairs: [string, string][] = [
    ...Object.entries(before ?? {}),
    [text.slice(0, at), text.slice(at + 1)],
  ];
  return Object.fromEntries(pairs);
}
