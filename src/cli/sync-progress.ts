import type { SyncEvent } from "../intake/sync/sync-report.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

const REDRAW_MS = 100;
const BAR_WIDTH = 24;

interface File {
  readonly size: number;
  written: number;
}

/** Bars for the files that come now, and one for all of them with the time that is left; redrawn in place on stderr. Silent when that is no terminal. */
export class SyncProgress {
  readonly #io: Io;
  readonly #isDrawn: boolean;
  readonly #now: () => number;
  readonly #running = new Map<string, File>();
  #label = "";
  #startedAt = 0;
  #total = 0;
  #done = 0;
  #files = 0;
  #filesDone = 0;
  #drawnAt = 0;
  #lines = 0;

  constructor(io: Io, options: GlobalOptions, now: () => number = Date.now) {
    this.#io = io;
    this.#isDrawn = io.stderr.isTTY && options.quiet !== true && options.json !== true;
    this.#now = now;
  }

  begin(label: string): void {
    this.#label = label;
    this.#startedAt = this.#now();
    this.#total = 0;
    this.#done = 0;
    this.#files = 0;
    this.#filesDone = 0;
    this.#running.clear();
  }

  readonly onEvent = (event: SyncEvent): void => {
    if (event.kind === "planned") {
      this.#files = event.files;
      this.#total = event.bytes;
    } else if (event.kind === "begin") this.#running.set(event.path, { size: event.size, written: 0 });
    else if (event.kind === "progress") {
      const file = this.#running.get(event.path);
      if (file !== undefined) file.written = event.written;
    } else {
      const file = this.#running.get(event.path);
      this.#running.delete(event.path);
      this.#filesDone += 1;
      this.#done += file?.size ?? 0;
    }
    this.#draw();
  };

  /** Takes the bars away. */
  end(): void {
    this.#clear();
  }

  #draw(): void {
    const at = this.#now();
    if (!this.#isDrawn || at - this.#drawnAt < REDRAW_MS || this.#files === 0) return;
    this.#drawnAt = at;
    const running = [...this.#running].map(([path, file]) => fileLine(path, file));
    const width = Math.max(this.#io.stderr.columns - 1, 20);
    const lines = [...running, this.#totalLine(at)].map((line) => Array.from(line).slice(0, width).join(""));
    this.#clear();
    this.#io.stderr.write(lines.join("\n"));
    this.#lines = lines.length;
  }

  #totalLine(at: number): string {
    const done = [...this.#running.values()].reduce((sum, { written }) => sum + written, this.#done);
    const seconds = (at - this.#startedAt) / 1000;
    const speed = seconds > 0 ? done / seconds : 0;
    const left = speed > 0 ? `, ${readableTime((this.#total - done) / speed)} left` : "";
    return `${this.#label}: ${barOf(done, this.#total)} of ${readableSize(this.#total)}, ${this.#filesDone} of ${this.#files} files, ${readableSize(Math.round(speed))}/s${left}`;
  }

  #clear(): void {
    if (this.#lines === 0) return;
    // Up to the first line of what was drawn, then away with everything below.
    this.#io.stderr.write(`\r${this.#lines > 1 ? `\u001b[${this.#lines - 1}A` : ""}\u001b[J`);
    this.#lines = 0;
  }
}

function fileLine(path: string, { size, written }: File): string {
  return `  ${barOf(written, size)} of ${readableSize(size)} ${visible(path)}`;
}

function barOf(done: number, total: number): string {
  const share = total > 0 ? Math.min(done / total, 1) : 1;
  const filled = Math.round(share * BAR_WIDTH);
  return `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)}%`;
}

/** Seconds as a person reads them: `40 s`, `12 min`, `3 h 20 min`. */
export function readableTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "a while";
  if (seconds < 90) return `${Math.max(Math.round(seconds), 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
