import type { TextSink } from "./io.ts";

/** Lines longer than this are hard to read, however wide a terminal is. */
const WIDEST = 110;

/** How many columns prose may have: on a terminal what fits there, and else all, so that one can search lines. */
export function proseWidth({ isTTY, columns }: TextSink): number {
  return isTTY ? Math.min(Math.max(columns, 40), WIDEST) : Number.POSITIVE_INFINITY;
}

/** Text in lines of that width, the first behind `label`, the others below it. A word that is longer stays whole. */
export function wrapped(label: string, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = label;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = " ".repeat(label.length);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
