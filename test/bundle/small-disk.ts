import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";

/** A file system of its own, of a few megabytes, where the machine lets tests have one. */
export interface SmallDisk {
  readonly folder: string;
  /** Skips the test when there is none. */
  need(context: TestContext): void;
  makeReadOnly(): void;
  /** Leaves so many bytes free. */
  fillUpTo(bytes: number): Promise<void>;
  remove(): Promise<void>;
}

export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-disk-"));
  let refusal = "";
  try {
    const options = `size=${megabytes}m`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    refusal = `cannot mount a small tmpfs (only root can): ${String(error).split("\n")[0]}`;
  }
  return {
    folder,
    need: (context) => {
      if (refusal !== "") context.skip(refusal);
    },
    makeReadOnly: () => void execFileSync("mount", ["-o", "remount,ro", folder]),
    fillUpTo: async (bytes) => {
      const file = await open(join(folder, "lost+found"), "w");
      await file.write(Buffer.alloc(megabytes * 1024 * 1024 - bytes));
      await file.close();
    },
    remove: async () => {
      if (refusal === "") execFileSync("umount", ["-l", folder]);
      if (refusal === "") await rmdir(folder);
      else await rm(folder, { recursive: true });
    },
  };
}
