import { HeadwaterError } from "../error.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1000],
  ["mb", 1000 ** 2],
  ["gb", 1000 ** 3],
  ["tb", 1000 ** 4],
  ["kib", 1024],
  ["mib", 1024 ** 2],
  ["gib", 1024 ** 3],
  ["tib", 1024 ** 4],
]);

/** Reads `20MB`, `1.5 GiB`, `4096` as bytes. */
export function parseByteSize(text: string): number {
  const match = /^([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([a-z]{0,3})$/i.exec(text.trim());
  const unit = UNITS.get(match?.[2]?.toLowerCase() ?? "none");
  const bytes = Math.round(Number(match?.[1]) * (unit ?? Number.NaN));
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new HeadwaterError(
    "CONFIG_INVALID",
    `"${text}" is not an amount of bytes: expected a number with MB, GiB, ...`,
    {
      hint: "Such as 20MB, 1.5GiB or 200GB.",
      details: { size: text },
    },
  );
}
