import type { Io } from "./io.ts";

type Paint = (text: string) => string;

/** How text can be set apart on a terminal. */
export interface Style {
  readonly bold: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
  readonly faint: Paint;
}

const PLAIN: Style = { bold: same, red: same, yellow: same, faint: same };

const COLOURED: Style = {
  bold: painted(1, 22),
  red: painted(31, 39),
  yellow: painted(33, 39),
  faint: painted(2, 22),
};

/** The styles of stdout: none when it is no terminal, or where NO_COLOR is set. */
export function styleOf(io: Io): Style {
  const isColoured = io.stdout.isTTY && (io.env["NO_COLOR"] ?? "") === "" && io.env["TERM"] !== "dumb";
  return isColoured ? COLOURED : PLAIN;
}

function painted(on: number, off: number): Paint {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
}

function same(text: string): string {
  return text;
}
