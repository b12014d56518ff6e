import type { ComparedGenerations } from "../curate/compare-generations.ts";
import type { Generation } from "../store/generation.ts";
import type { AliasChange, AliasTarget } from "../views/alias-changes.ts";
import {
  type ComparedImage,
  type Differences,
  type FileCount,
  type HiddenImage,
  isSame,
} from "../views/differences.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** Says what differs between two generations: sentences in sections, or everything as data. */
export function printDiff(
  io: Io,
  options: GlobalOptions,
  { from, to, differences }: ComparedGenerations,
): void {
  if (options.json === true) {
    io.stdout.write(jsonText({ from: side(from), to: side(to), ...differences }));
    return;
  }
  const lines = [
    `From generation ${from.number} (${about(from)})`,
    `  to generation ${to.number} (${about(to)}):`,
    ...(isSame(differences) ? ["", "The same images under the same names."] : sections(differences)),
    "",
    ...sizes(differences.files),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function side({ number, createdAt, reason: { verb, text } }: Generation) {
  return { generation: number, createdAt, verb, text };
}

function about({ createdAt, reason }: Generation): string {
  return `${createdAt.slice(0, 16).replace("T", " ")} UTC, ${reason.verb} ${reason.text}`.trim();
}

function sections(found: Differences): string[] {
  return [
    ...section("Images added", found.added.map(imageLine)),
    ...section("Images removed", found.removed.map(imageLine)),
    ...section(
      "Images listed under another name",
      found.renamed.map(({ from, to }) => `${imageLine(to)}; before: ${placeText(from)}`),
    ),
    ...section(
      "Images described otherwise",
      found.changed.map(({ fields, ...image }) => `${imageLine(image)}: ${fields.map(fieldText).join(", ")}`),
    ),
    ...section("Aliases", aliasLines(found.aliases)),
    ...section("Hidden from clients since", found.hidden.map(hiddenLine)),
    ...section("No longer hidden from clients", found.shown.map(hiddenLine)),
    ...section("Fetched from the upstream since", found.cameHere.map(imageLine)),
    ...section("Let go since, and at the upstream again", found.letGo.map(imageLine)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function imageLine(image: ComparedImage): string {
  const { type, fingerprint, size } = image;
  return `${placeText(image)}, ${type} ${short(fingerprint)}, ${readableSize(size)}`;
}

function placeText({ stream, product, version }: ComparedImage): string {
  return `${stream} ${product} ${version}`;
}

function fieldText({
  field,
  from,
  to,
}: {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}) {
  return `${field} is ${shown(to)}, was ${shown(from)}`;
}

function shown(text: string): string {
  return text === "" ? "not set" : `"${text}"`;
}

/** One line for all aliases of which the same is to be said. */
function aliasLines(changes: readonly AliasChange[]): string[] {
  const lines = new Map<string, string[]>();
  for (const change of changes) {
    const { alias, type, arch } = change;
    const what = `(${type}, ${arch}): ${aliasText(change)}`;
    lines.set(what, [...(lines.get(what) ?? []), alias]);
  }
  return [...lines].map(([what, aliases]) => `${aliases.join(", ")} ${what}`);
}

function aliasText({ change, from, to }: AliasChange): string {
  const withProduct = change !== "replaced";
  if (from === null) return to === null ? "" : `new, ${targetText(to, withProduct)}`;
  if (to === null) return `gone, was ${targetText(from, withProduct)}`;
  const what = change === "moved" ? "another product, now" : "now";
  return `${what} ${targetText(to, withProduct)}; before, ${targetText(from, withProduct)}`;
}

function targetText({ product, version, fingerprint }: AliasTarget, withProduct: boolean): string {
  return `${short(fingerprint)}, ${withProduct ? `${product} ` : ""}version ${version}`;
}

function hiddenLine({ stream, product, fingerprint, reason }: HiddenImage): string {
  return `${[stream, product, short(fingerprint)].filter((word) => word !== "").join(" ")}: ${reason}`;
}

function short(fingerprint: string): string {
  return fingerprint.slice(0, 12);
}

function sizes({ added, removed, before, after }: Differences["files"]): string[] {
  return [
    `Files: ${countText(added)} more, ${countText(removed)} fewer.`,
    `Listed: ${countText(after)}; before: ${countText(before)}.`,
  ];
}

function countText({ files, bytes }: FileCount): string {
  return `${files} ${files === 1 ? "file" : "files"} (${readableSize(bytes)})`;
}
