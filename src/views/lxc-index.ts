import { isForNewerMachines, preferredArchitecture } from "../simplestreams/architectures.ts";
import type { Product } from "../simplestreams/products.ts";
import { slug } from "../simplestreams/slug.ts";
import { newestVersion } from "../simplestreams/version-name.ts";
import type { ImageStream } from "./image-stream.ts";
import { type LxcBuild, lxcBuildsOf } from "./lxc-files.ts";

/** What LXC is offered: the lines of its index, and what is kept out of it. */
export interface LxcIndex {
  /** By distribution; each ends with a line feed, without which the script does not read the last one. */
  readonly lines: readonly LxcLine[];
  readonly hidden: readonly HiddenFromLxc[];
}

export interface LxcLine {
  readonly distribution: string;
  readonly text: string;
}

export interface HiddenFromLxc {
  readonly stream: string;
  readonly product: string;
  readonly reason: string;
}

/** Modes and levels that versions of the script ask for (`DOWNLOAD_MODE`, `DOWNLOAD_COMPAT_LEVEL`), and the names without a level. */
const MODES = ["system", "user"] as const;
const ALL_LEVELS: readonly number[] = [1, 2, 3, 4, 5, 6, 7];
/** For an image stream's own root: LXC 1.0, which must not get the plain one, and 4.0 and newer. The others ask for the plain one next. */
const FEW_LEVELS: readonly number[] = [1, 7];

/**
 * Distributions for which LXC 1.0, level 1, has a configuration of its own (config/templates at 1.0.0); it has none for all, so that the
 * others would not start there.
 */
export const LXC_1_0_DISTRIBUTIONS: ReadonlySet<string> = new Set([
  "centos",
  "debian",
  "fedora",
  "gentoo",
  "oracle",
  "plamo",
  "ubuntu",
]);

/**
 * One line for each product, with its newest build that has its files. An earlier image stream wins when two have the same names, as it does
 * for simplestreams.
 * @param base put before each path: the image stream, or nothing for its own root
 */
export function lxcIndex(streams: readonly ImageStream[], base: (stream: string) => string): LxcIndex {
  const lines = new Map<string, LxcLine>();
  const hidden: HiddenFromLxc[] = [];
  const owners = new Map<string, string>();
  for (const stream of streams) {
    for (const [key, product] of stream.products.products) {
      const build = newestBuild(stream, key);
      if (build === undefined) continue;
      const names = lxcNamesOf(product);
      const owner = owners.get(names.join(";"));
      if (owner !== undefined) {
        const reason = `${owner} is listed as ${names.join(" ")}, and no two images can have one name`;
        hidden.push({ stream: stream.name, product: key, reason });
        continue;
      }
      owners.set(names.join(";"), `${stream.name}/${key}`);
      const fields = [...names, buildName(build.version), `/${base(stream.name)}${build.folder}/`];
      lines.set(names.join(";"), { distribution: names[0] ?? "", text: `${fields.join(";")}\n` });
    }
  }
  const sorted = [...lines].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { lines: sorted.map(([, line]) => line), hidden };
}

/**
 * The documents of an index, by path; none when it has no lines. Every generation file names them all, for ever: a root that few will use has
 * them for `few` levels.
 */
export function lxcIndexDocuments({ lines }: LxcIndex, levels: "all" | "few"): ReadonlyMap<string, string> {
  const documents = new Map<string, string>();
  if (lines.length === 0) return documents;
  const all = textOf(lines);
  const old = textOf(lines.filter(({ distribution }) => LXC_1_0_DISTRIBUTIONS.has(distribution)));
  for (const mode of MODES) {
    documents.set(`meta/1.0/index-${mode}`, all);
    for (const level of levels === "all" ? ALL_LEVELS : FEW_LEVELS)
      documents.set(`meta/1.0/index-${mode}.${level}`, level === 1 ? old : all);
  }
  return documents;
}

function textOf(lines: readonly LxcLine[]): string {
  return lines.map(({ text }) => text).join("");
}

function newestBuild(stream: ImageStream, product: string): LxcBuild | undefined {
  const builds = lxcBuildsOf(stream, product);
  return builds.get(newestVersion(builds.keys()) ?? "");
}

/**
 * What an image is called here: distribution, release, architecture and variant. Slugs: there are no aliases, no quotes and no escapes in this
 * index, and names are typed as they are. `amd64v3` is none of the names of `amd64`: a host that asks for that would get what it cannot run.
 */
export function lxcNamesOf({ os = "", release = "", arch = "", variant = "" }: Product): readonly string[] {
  const architecture = isForNewerMachines(arch) ? arch : (preferredArchitecture(arch) ?? arch);
  return [os, release, architecture, variant === "" ? "default" : variant].map(slug);
}

/** Compared for equality only. Nothing in it may end the field or the line, or be a word of its own to a shell. */
export function buildName(version: string): string {
  return /^[\w.:+~-]+$/.test(version) ? version : slug(version);
}
