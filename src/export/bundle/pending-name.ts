import { randomBytes } from "node:crypto";
import { open, readdir, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { errnoOf } from "../tree/target-errors.ts";
import { clearly } from "./file-errors.ts";

/** Names of files that are not whole yet, beside what they will be called: `.site.hwb.<process>-<random>.partial`. */
export class PendingName {
  readonly #folder: string;
  readonly #mark = `${process.pid}-${randomBytes(4).toString("hex")}`;

  constructor(folder: string) {
    this.#folder = folder;
  }

  of(path: string): string {
    return join(this.#folder, `.${basename(path)}.${this.#mark}.partial`);
  }

  /** Removes what killed processes of this machine left of a bundle. A stick has no locks: the number in the name tells who lives. */
  async removeAbandoned(name: string): Promise<void> {
    const pattern = /^\.(.+?)(?:\.\d{3,6}|\.sha256)?\.(\d+)-[0-9a-f]{8}\.partial$/;
    for (const file of await clearly("read", this.#folder, readdir(this.#folder))) {
      const [, of, pid] = pattern.exec(file) ?? [];
      if (of !== name || isAlive(Number(pid))) continue;
      await clearly("remove", file, unlink(join(this.#folder, file)));
    }
  }

  /** Afterwards the names are on the disk. */
  async syncFolder(): Promise<void> {
    const folder = await clearly("open", this.#folder, open(this.#folder, "r"));
    try {
      await folder.sync().catch((error: unknown) => {
        // Some file systems of sticks and network drives sync no folders.
        if (errnoOf(error) !== "EINVAL") throw error;
      });
    } finally {
      await folder.close();
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}
