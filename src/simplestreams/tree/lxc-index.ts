import { finding, type Finding } from "../finding.ts";
import { quoted } from "../printable.ts";
import type { Findings } from "./findings.ts";
import type { DocumentText } from "./tree-documents.ts";

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

/** The name of the text that is looked at; `index-user` is the same for containers of users. */
export const LXC_INDEX = "meta/1.0/index-system";

const MAX_LINES = 100_000;

/**
 * Reads the LXC index: lines of six fields, of which the first that matches is taken (LXC templates/lxc-download.in). What it passes over, or
 * cannot fetch, is reported.
 */
export function readLxcIndex(text: DocumentText | undefined, findings: Findings): LxcBuild[] {
  const report = (found: Finding) => findings.add(LXC_INDEX, found, ["lxc"]);
  if (text === undefined) {
    report(finding("lxc-index", {}, `there is no ${LXC_INDEX}`));
    return [];
  }
  const builds = new Map<string, LxcBuild>();
  const lines = (typeof text === "string" ? text : new TextDecoder().decode(text)).split("\n", MAX_LINES);
  for (const [at, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const place = { field: `line ${at + 1}`, value: line };
    const [distribution = "", release = "", arch = "", variant = "", build = "", path = "", ...more] =
      line.split(";");
    if (path === "" || more.length > 0) {
      report(finding("lxc-line", place, `expected six fields between semicolons, got ${quoted(line)}`));
      continue;
    }
    if (!path.startsWith("/") || !path.endsWith("/")) {
      report(
        finding("lxc-path", place, `expected a path that begins and ends with a slash, got ${quoted(path)}`),
      );
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
