import { readFileSync } from "node:fs";
import { run } from "../clients/program.ts";

/** docs/simplestreams.md, as the tests read it: in a file of its own for the tests with and without real clients. */
export const page = readFileSync("docs/simplestreams.md", "utf8");

/** The blocks under `<!-- test: name -->`, in the order of the page. */
export function blocks(name: string): readonly string[] {
  return [...page.matchAll(/^<!-- test: ([^\n]*) -->\n```\w+\n(.*?)^```$/gms)]
    .filter(([, marked]) => marked === name)
    .map(([, , block]) => block ?? "");
}

/** The block under `<!-- test: name -->`, of which there is one. */
export function block(name: string): string {
  const [only, ...others] = blocks(name);
  if (only === undefined || others.length > 0)
    throw new Error(`the page has ${others.length === 0 ? "no" : "more than one"} block "${name}"`);
  return only;
}

/** What the blocks need that build the smallest tree, as names of programs. */
export const BUILD_PROGRAMS = ["dpkg", "/bin/busybox", "mksquashfs", "tar", "xz", "sha256sum"];

/** Builds the smallest tree in this folder, with the page's own commands in one shell, as a reader does. */
export async function buildSmallestTree(folder: string): Promise<void> {
  await run("sh", ["-eu"], { cwd: folder, input: blocks("build").join("") });
}
