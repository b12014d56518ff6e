import type { FileProgress, ReadOptions } from "../../image/file-bytes.ts";

/** Bytes of a whole tree, out of what is told about single files. A build is known by any object that is its own. */
export class TreeProgress {
  readonly #folder: string;
  readonly #total: number;
  readonly #report: ReadOptions["onProgress"];
  readonly #running = new Map<object, Map<string, number>>();
  #ended = 0;

  /** @param total bytes that the tree promises */
  constructor(folder: string, total: number, report: ReadOptions["onProgress"]) {
    this.#folder = folder;
    this.#total = total;
    this.#report = report;
  }

  /** What to report the files of this build to. */
  of(build: object): (progress: FileProgress) => void {
    const files = new Map<string, number>();
    this.#running.set(build, files);
    return ({ path, done }) => {
      files.set(path, done);
      this.#tell();
    };
  }

  /** The build is through, or was left out. @param size bytes that the tree promises for it */
  ended(build: object, size: number): void {
    this.#running.delete(build);
    this.#ended += size;
    this.#tell();
  }

  #tell(): void {
    let done = this.#ended;
    for (const files of this.#running.values()) for (const bytes of files.values()) done += bytes;
    this.#report?.({ path: this.#folder, done: Math.min(done, this.#total), total: this.#total });
  }
}
