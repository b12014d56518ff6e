import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** How far something long has come. */
export interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
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

/** Bytes done, on one line on stderr, redrawn in place; silent with `--quiet`, `--json`, or when stderr is no terminal. */
export function progressLine(io: Io, options: GlobalOptions, now: () => number = Date.now): ProgressLine {
  return drawnLine(io, options, now, (progress, seconds) => {
    const speed = seconds > 0 ? ` ${readableSize(Math.round(progress.done / seconds))}/s` : "";
    return `${barOf(progress)} of ${readableSize(progress.total)}${speed}`;
  });
}

/** The same for things that are counted, such as files. */
export function countLine(io: Io, options: GlobalOptions, now: () => number = Date.now): ProgressLine {
  return drawnLine(io, options, now, (progress) => `${barOf(progress)} of ${progress.total}`);
}

function drawnLine(
  io: Io,
  options: GlobalOptions,
  now: () => number,
  textOf: (progress: Progress, seconds: number) => string,
): ProgressLine {
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
      const line = textOf(progress, (at - startedAt) / 1000);
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

function barOf({ label, done, total }: Progress): string {
  const share = total > 0 ? Math.min(done / total, 1) : 1;
  const filled = Math.round(share * BAR_WIDTH);
  return `${visible(label)} [${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${Math.floor(share * 100)}%`;
}
