import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { styleOf } from "./style.ts";
import { hasUnsafe, visible, visibleSource } from "./visible.ts";

export type Cell = string | number | boolean | null | undefined | readonly string[];

/** One column of a table and of its csv. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => Cell;
  /** How a person reads it, where that differs: sizes, for instance. Tables only. */
  readonly shown?: (row: Row) => string;
  readonly align?: "left" | "right";
}

export interface Listing<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** The value that json and yaml print; documented and stable. Defaults to the rows. */
  readonly data?: unknown;
}

/** Prints a listing in one of the four formats. */
export async function printListing<Row>(io: Io, format: Format, listing: Listing<Row>): Promise<void> {
  switch (format) {
    case "table":
      io.stdout.write(await tableText(listing, styleOf(io).bold));
      return;
    case "csv":
      io.stdout.write(csvText(listing));
      return;
    case "json":
    case "yaml":
      await printData(io, format, listing.data ?? listing.rows);
  }
}

/** Prints a value as json or yaml. */
export async function printData(io: Io, format: "json" | "yaml", data: unknown): Promise<void> {
  io.stdout.write(format === "json" ? jsonText(data) : await yamlText(data));
}

export function jsonText(data: unknown): string {
  return `${visibleSource(JSON.stringify(data, undefined, 2))}\n`;
}

/** Strings with unsafe characters are forced into double quotes, where they can be written as escapes. */
async function yamlText(data: unknown): Promise<string> {
  const { Document, isScalar, visit } = await import("yaml");
  const document = new Document(JSON.parse(JSON.stringify(data)), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (isScalar(node) && typeof node.value === "string" && hasUnsafe(node.value))
        node.type = "QUOTE_DOUBLE";
    },
  });
  return visibleSource(document.toString({ lineWidth: 0 }));
}

/** RFC 4180, with line feeds alone between records, as the `incus` and `lxc` commands print. */
export function csvText<Row>({ rows, columns }: Listing<Row>): string {
  const records = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => plain(column.value(row)))),
  ];
  return records.map((record) => `${record.map(csvField).join(",")}\n`).join("");
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A table as `incus` and `lxc` draw them: plus signs and dashes, a line between all rows. */
async function tableText<Row>(
  { rows, columns }: Listing<Row>,
  bold: (text: string) => string,
): Promise<string> {
  const { default: stringWidth } = await import("string-width");
  // Nearly all cells are ASCII, and ten thousand rows should not be felt.
  const widthOf = (text: string): number => (/^[ -~]*$/.test(text) ? text.length : stringWidth(text));
  const heads = columns.map(({ title }) => title.toUpperCase());
  const cells = rows.map((row) =>
    columns.map(({ value, shown }) => (shown === undefined ? plain(value(row)) : visible(shown(row)))),
  );
  const widths = heads.map((head, at) =>
    cells.reduce((width, line) => Math.max(width, widthOf(line[at] ?? "")), widthOf(head)),
  );
  const ruler = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  const lineOf = (line: readonly string[], style: (text: string) => string): string => {
    const padded = line.map((text, at) => {
      const room = " ".repeat((widths[at] ?? 0) - widthOf(text));
      return columns[at]?.align === "right" ? ` ${room}${style(text)} ` : ` ${style(text)}${room} `;
    });
    return `|${padded.join("|")}|\n${ruler}`;
  };
  return [ruler, lineOf(heads, bold), ...cells.map((line) => lineOf(line, (text) => text))].join("");
}

/** A cell as one line of text, safe on a terminal. */
function plain(cell: Cell): string {
  if (cell === undefined || cell === null) return "";
  return visible(typeof cell === "object" ? cell.join(" ") : String(cell));
}
