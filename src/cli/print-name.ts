import type { CheckedFile } from "../explain/check-files.ts";
import type { TreeReport } from "../explain/explain-tree.ts";
import type { FoundImage, NameAnswer, NameExplanation } from "../simplestreams/tree/explain-name.ts";
import type { TreeFinding } from "../simplestreams/tree/findings.ts";
import { readerNames } from "./reader-names.ts";
import { readableSize } from "./size.ts";
import type { Style } from "./style.ts";
import { visible } from "./visible.ts";

/** Versions of a product that are told in full; its aliases lead to the newest. */
const MAX_ANSWERS = 12;

/** What a name leads to, for a person: answers that are the same for several clients and machines are one. */
export function nameLines(report: TreeReport, name: NameExplanation, style: Style): string[] {
  const subject = `${style.bold(visible(name.name))} in ${visible(report.where)}`;
  if (!report.answered) return [`${subject}: not known, as there is no answer`];
  const isFound = name.kind === "nothing" || name.answers.some(({ image }) => image !== undefined);
  const lines = [`${subject}: ${KINDS[name.kind]}${isFound ? "" : ", and no client finds an image by it"}`];
  if (name.kind === "nothing") return [...lines, ...similarLines(name)];
  const answers = together(name.answers);
  for (const answer of answers.slice(0, MAX_ANSWERS)) lines.push("", ...answerLines(answer, report, style));
  if (answers.length > MAX_ANSWERS) lines.push("", `and ${answers.length - MAX_ANSWERS} older ones`);
  return lines;
}

function similarLines({ similar }: NameExplanation): string[] {
  if (similar.length === 0) return [];
  return ["", "Similar names there:", ...similar.map((other) => `  ${visible(other)}`)];
}

const KINDS: Readonly<Record<NameExplanation["kind"], string>> = {
  alias: "an alias",
  product: "a product",
  fingerprint: "the beginning of a fingerprint",
  nothing: "no alias, no product, and the beginning of no fingerprint",
};

interface Together extends Omit<NameAnswer, "machine"> {
  readonly machines: readonly string[];
}

function together(answers: readonly NameAnswer[]): Together[] {
  const known = new Map<string, Together>();
  for (const { readers, machine, image, why } of answers) {
    const files = image?.files.map(({ path, sha256 }) => [path, sha256]);
    const key = JSON.stringify([image?.fingerprint, image?.version, files, why]);
    const before = known.get(key);
    known.set(key, {
      readers: [...new Set([...(before?.readers ?? []), ...readers])],
      machines: [...new Set([...(before?.machines ?? []), machine])],
      image,
      why,
    });
  }
  return [...known.values()];
}

function answerLines(
  { readers, machines, image, why }: Together,
  report: TreeReport,
  { bold }: Style,
): string[] {
  const on = machines.includes("any") ? "" : ` on ${machines.join(", ")}`;
  const who = `${bold(readerNames(readers))}${on}`;
  if (image === undefined) return [`${who}: nothing; ${visible(why)}`];
  return [
    `${who}: ${visible(why)}`,
    `  Fingerprint: ${visible(image.fingerprint)}`,
    `  Image:       ${visible(image.description)}, ${image.type}, version ${visible(image.version)}`,
    `  Found in:    ${visible(image.document)}`,
    `  Fetched:     ${fileLines(image, report).join("\n               ")}`,
    ...deltaLines(image),
  ];
}

/** In the order in which they are fetched; clients ask for each over plain HTTP first. */
function fileLines({ files }: FoundImage, { files: checked, findings }: TreeReport): string[] {
  return files.map(({ path, size }, at) => {
    const state = checked.find((one) => one.path === path && one.size === size);
    const wrong = findings.find(
      ({ rule, document }) =>
        (rule === "served-size" || rule === "served-hash") &&
        (document === path || document.endsWith(`/${path}`)),
    );
    const text = state === undefined ? "" : `, ${stateText(state, wrong)}`;
    return `${at + 1}. ${visible(path)}, ${readableSize(Math.max(size, 0))}${text}`;
  });
}

function stateText({ state, looked, why }: CheckedFile, wrong: TreeFinding | undefined): string {
  if (state === "there" && wrong !== undefined) return `there, and WRONG: ${visible(wrong.reason)}`;
  if (state === "there") return looked === "whole" ? "fetched, and right" : "there";
  return state === "absent" ? `NOT there: ${visible(why ?? "")}` : visible(why ?? "");
}

function deltaLines({ deltas }: FoundImage): string[] {
  return deltas.map(
    ({ path, size, baseVersion }) =>
      `  Or a delta:  ${visible(path)}, ${readableSize(Math.max(size, 0))}, on daemons that have version ${visible(baseVersion)}`,
  );
}
