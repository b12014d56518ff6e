import { blockWith, type Page } from "./page.ts";

/** The shell that makes the smallest tree, as somebody pastes it: three blocks in one folder. */
export function treeScript(page: Page): string {
  return ["root/bin/busybox", "mkdir meta", "rootfs.tar.xz"]
    .map((mark) => blockWith(page, "sh", mark))
    .join("\n");
}
