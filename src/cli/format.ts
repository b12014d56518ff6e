import { Option } from "commander";

export const FORMATS = ["table", "json", "yaml", "csv"] as const;
export type Format = (typeof FORMATS)[number];

/** `-f`, `--format`, for every command that lists. */
export function formatOption(formats: readonly Format[] = FORMATS): Option {
  return new Option("-f, --format <format>", "how to print the result").choices(formats).default("table");
}
