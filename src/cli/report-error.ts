import { HeadwaterError } from "../error.ts";
import { BUG, FAILED, STATUS_OF_CODE } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { visible, visibleSource } from "./visible.ts";

/**
 * Tells an error on stderr and returns the exit status. With `--json` it is one line, `{"error": {...}}`, on stderr too:
 * stdout holds nothing but results.
 */
export function reportError(error: unknown, io: Io, json: boolean): number {
  const status = error instanceof HeadwaterError ? (STATUS_OF_CODE[error.code] ?? FAILED) : BUG;
  io.stderr.write(json ? asJson(error) : asText(error));
  return status;
}

function asText(error: unknown): string {
  if (!(error instanceof HeadwaterError)) {
    return [
      "headwater: this is a bug in Headwater, please report it with the lines below",
      ...stackOf(error).split("\n").map(visible),
      "",
    ].join("\n");
  }
  const hint = error.hint === undefined ? "" : `  ${visible(error.hint)}\n`;
  return `headwater: ${visible(error.message)}\n${hint}`;
}

function asJson(error: unknown): string {
  const shown =
    error instanceof HeadwaterError
      ? { code: error.code, message: error.message, hint: error.hint, details: error.details }
      : { code: "BUG", message: String(error), details: { stack: stackOf(error) } };
  return `${visibleSource(JSON.stringify({ error: shown }))}\n`;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
