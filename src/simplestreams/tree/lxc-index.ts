import { finding, type Finding } from "../finding.ts";
import { quoted } from "../printable.ts";
import type { Findings } from "./findings.ts";
import { pathProblem } from "../relative-path.ts";
import type { TreeDocuments } from "./tree-documents.ts";

/** One build, as lxc-create -t download finds it. */
export interface LxcBuild {
  readonly distribution: string;
  readonly release: string;
  readonly arch: string;
  readonly variant: string;
  readonly build: string;
  /** Folder of the build, from the root of the server. */
  readonly path: string;
}

/**
 * The names of the index, in the order in which LXC since 4.0 asks for them: the first one that is there is the index. `index-user` is the
 * same for containers of users.
 */
export const LXC_INDEXES: readonly string[] = ["index-system.7", "index-system"];

const MAX_LINES = 100_000;

/**
 * Reads the LXC index: lines of six fields, of which the first that matches is taken (LXC templates/lxc-download.in). What it passes over, or
 * cannot fetch, is reported.
 */
export function readLxcIndex(texts: TreeDocuments["lxc"], findings: Findings): LxcBuild[] {
  const name = LXC_INDEXES.find((one) => texts?.has(one)) ?? "index-system";
  const document = `meta/1.0/${name}`;
  const report = (found: Finding) => findings.add(document, found, ["lxc"]);
  const text = texts?.get(name);
  if (text === undefined) {
    report(finding("lxc-index", {}, `there is no ${document}`));
    return [];
  }
  const builds = new Map<string, LxcBuild>();
  const lines = (typeof text === "string" ? text : new TextDecoder().decode(text)).split("\n", MAX_LINES);
  for (const [at, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const place = { field: `line ${at + 1}`, value: line };
    const [distribution = "", release = "", arch = "", variant = "", build = "", path = "", ...more] =
      line.split(";");
    // One more semicolon at the end is taken away by `read`.
    if (path === "" || more.join(";") !== "" || more.length > 1) {
      report(finding("lxc-line", place, `expected six fields between semicolons, got ${quoted(line)}`));
      continue;
    }
    const problem = lxcPathProblem(path);
    if (problem !== undefined) {
      report(finding("lxc-path", place, `the path ${quoted(path)} cannot be fetched: ${problem}`));
    }
    const key = [distribution, release, arch, variant].join(";");
    if (builds.has(key)) {
      report(
        finding("lxc-repeated", place, `${quoted(key)} is in the index already, and that line is taken`),
      );
    } else builds.set(key, { distribution, release, arch, variant, build, path });
  }
  return [...builds.values()];
}

/** The script puts slashes around a path itself, so that some more or fewer are as good; wget takes a `%` as it is. */
function lxcPathProblem(path: string): string | undefined {
  const plain = path
    .replaceAll(/^\/+|\/+$/g, "")
    .replaceAll(/\/{2,}/g, "/")
    .replaceAll("%", "");
  return plain === "" ? undefined : pathProblem(plain);
}
