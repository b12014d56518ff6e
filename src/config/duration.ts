import { HeadwaterError } from "../error.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Reads `24h`, `90m`, `30s`, `2d`, `0` as milliseconds. */
export function parseDuration(text: string): number {
  const match = /^([0-9]{1,9})(ms|s|m|h|d)?$/.exec(text.trim());
  const unit = UNITS.get(match?.[2] ?? (match?.[1] === "0" ? "ms" : ""));
  if (match === null || unit === undefined) {
    throw new HeadwaterError(
      "CONFIG_INVALID",
      `"${text}" is not a length of time: expected a number with ms, s, m, h or d`,
      {
        hint: "Such as 24h, 90m, 2d, or 0.",
        details: { duration: text },
      },
    );
  }
  return Number(match[1]) * unit;
}
