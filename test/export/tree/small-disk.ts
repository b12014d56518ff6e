import { execFileSync } from "node:child_process";
import { mkdirSync, statfsSync } from "node:fs";
import { afterEach, type TestContext } from "vitest";

/** A small file system for each test of a `describe` that wants one; it is skipped where none can be mounted. */
export function smallDisk() {
  let mounted = "";
  afterEach(() => {
    if (mounted !== "") execFileSync("umount", ["-l", mounted]);
    mounted = "";
  });
  return {
    mount(
      context: TestContext,
      { folder, size }: { readonly folder: string; readonly size: string },
    ): string {
      mkdirSync(folder);
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder], { stdio: "pipe" });
      } catch (error) {
        context.skip(`cannot mount a small tmpfs (only root can): ${String(error).split("\n")[0]}`);
      }
      mounted = folder;
      return folder;
    },
    /** Makes it so small that this many pages are left. */
    leavePages(pages: number): void {
      const { blocks, bfree, bsize } = statfsSync(mounted);
      execFileSync("mount", ["-o", `remount,size=${(blocks - bfree + pages) * bsize}`, mounted]);
    },
  };
}
