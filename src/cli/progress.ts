import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** How far something long has come. */
export interface Progress {
  readonly label: string;
  /** Bytes. */
  readonly done: number;
  /** Bytes; undefined when nobody knows. */
  readonly total?: number | undefined;
}

export interface ProgressLine {
  /** May be called as often as one likes. */
  update(progress: Progress): void;
  /** Takes the line away. */
  end(): void;
}

/** Work shorter than this needs no bar. */
const QUIET_MS = 1000;
const REDRAW_MS = 100;
const BAR_WIDTH = 24;

/** One line on stderr, redrawn in place; silent with `--quiet`, `--json`, or when stderr is not a terminal. */
export function progressLine(io: Io, options: GlobalOptions, now: () => number = Date.now): ProgressLine {
  if (!io.stderr.isTTY || options.quiet === true || options.json === true) {
    return { update: () => undefined, end: () => undefined };
  }
  const startedAt = now();
  let drawnAt = startedAt + QUIET_MS - REDRAW_MS;
  let drawn = false;
  return {
    update(progress) {
      const at = now();
      if (at - drawnAt < REDRAW_MS) return;
      drawnAt = at;
      drawn = true;
      const line = lineOf(progress, (at - startedAt) / 1000);
      io.stderr.write(
        `\r\u001b[K${Array.from(line)
          .slice(0, Math.max(io.stderr.columns - 1, 20))
          .join("")}`,
      );
    },
    end() {
      if (drawn) io.stderr.write("\r\u001b[K");
      drawn = false;
    },
  };
}

function lineOf({ label, done, total }: Progress, seconds: number): string {
  const speed = seconds > 0 ? ` ${readableSize(Math.round(done / seconds))}/s` : "";
  const name = visible(label);
  if (total === undefined || total <= 0) return `${name}: ${readableSize(done)}${speed}`;
  const share = Math.min(done / total, 1);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}`;
  return `${name} [${bar}] ${Math.floor(share * 100)}% of ${readableSize(total)}${speed}`;
}
