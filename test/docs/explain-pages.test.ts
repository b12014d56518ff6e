import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Edit } from "../../src/simplestreams/index.ts";
import { faultlessTree, secondProduct, writeTree } from "../explain/small-tree.ts";

/*
 * Pages that show headwater explain: the commands of a page are run in its order, in a folder with a tree in which one
 * thing is wrong, and print what the page says. A line of three dots stands for lines that the page leaves out.
 */

const MAIN = resolve("dist/cli/main.js");
const KEY = "debian:12:default:amd64";
const EDITS: readonly Edit[] = [
  secondProduct({ aliases: "debian/12", arch: "AMD64", os: "Debian", release: "12" }, KEY),
  { document: "products", at: ["products", "demo:1:default:amd64"] },
  { document: "index", at: ["index", "images", "products"], value: [KEY] },
];

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "headwater-page-"));
  await writeTree(join(folder, "tree"), faultlessTree(EDITS));
  mkdirSync(join(folder, "bin"));
  const script = `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`;
  writeFileSync(join(folder, "bin", "headwater"), script, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Step {
  readonly command: string;
  readonly output: readonly string[];
}

function stepsOf(page: string): Step[] {
  const blocks = readFileSync(page, "utf8").matchAll(/^<!-- test: explain -->\n```console\n(.*?)^```$/gms);
  return [...blocks]
    .flatMap(([, block = ""]) => block.split(/^\$ /m).slice(1))
    .map((step) => {
      const [command = "", ...output] = step.trimEnd().split("\n");
      return { command, output };
    });
}

let status: number | null = 0;
function printed(command: string): string[] {
  if (command === "echo $?") return [String(status)];
  const env = { HOME: folder, PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter) };
  const ended = spawnSync("sh", ["-c", command], { cwd: folder, env, encoding: "utf8" });
  expect(ended.stderr, command).toBe("");
  ({ status } = ended);
  return ended.stdout.trimEnd().split("\n");
}

/** As a pattern for the whole output. */
function patternOf(output: readonly string[]): RegExp {
  const lines = output.map((line) =>
    line === "..." ? "(?:.*\\n)*" : `${line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\n`,
  );
  return new RegExp(`^${lines.join("")}$`);
}

const hasJq = spawnSync("jq", ["--version"]).status === 0;
const isMissing = !existsSync(MAIN);
if (isMissing) console.warn("skipped: the program is not built (npm run build; npm test does it)");

describe.skipIf(isMissing)("pages that show headwater explain", () => {
  it.each([
    "README.md",
    "docs/how-to/find-out-why-an-image-is-not-listed.md",
    "docs/how-to/check-a-tree-in-ci.md",
  ])("%s shows what its commands print", (page) => {
    const steps = stepsOf(page);
    expect(steps.length).toBeGreaterThan(0);
    for (const { command, output } of steps) {
      if (command.includes("| jq") && !hasJq) continue;
      const text = printed(command).map((line) => `${line}\n`);
      expect(text.join(""), command).toMatch(patternOf(output.length === 0 ? [""] : output));
    }
  });
});
