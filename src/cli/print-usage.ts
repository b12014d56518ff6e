import type { Usage, UsageKey, UsageRow } from "../curate/usage.ts";
import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { type Column, printListing } from "./output.ts";
import { readableSize } from "./size.ts";

/** What is not in the rows, as a person reads it. */
const BESIDES: readonly (readonly [key: Exclude<keyof Usage, "rows">, text: string])[] = [
  ["shared", "shared by several of them"],
  ["lists", "lists, and what generations say besides"],
  ["otherFiles", "other files that are listed"],
  ["pinnedGenerations", "only in older generations that pins keep"],
  ["olderGenerations", "only in older generations, until their grace is over"],
  ["unnamed", "in no kept generation; the next prune puts it aside"],
  ["trash", "put aside; the next prune deletes it"],
  ["total", "in all"],
];

export async function printUsage(
  io: Io,
  format: Format,
  { by, ...usage }: Usage & { readonly by: UsageKey },
): Promise<void> {
  const size = (title: string, value: (row: UsageRow) => number): Column<UsageRow> => ({
    title,
    value,
    shown: (row) => readableSize(value(row)),
    align: "right",
  });
  await printListing(io, format, {
    rows: usage.rows,
    data: { by, ...usage },
    columns: [
      { title: by, value: ({ name }) => name },
      { title: "versions", value: ({ versions }) => versions, align: "right" },
      { title: "images", value: ({ images }) => images, align: "right" },
      size("size", ({ bytes }) => bytes),
      size("unique", ({ unique }) => unique),
    ],
  });
  if (format !== "table") return;
  const lines = BESIDES.filter(([key]) => usage[key] > 0 || key === "total").map(
    ([key, text]) => `${readableSize(usage[key]).padStart(10)}  ${text}\n`,
  );
  io.stdout.write(lines.join(""));
}
