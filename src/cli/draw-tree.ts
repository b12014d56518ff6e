import type { TreeReport } from "../explain/explain-tree.ts";
import type { FolderContents } from "../simplestreams/tree/contents.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** One line of a drawing, and what hangs below it. */
interface Branch {
  readonly name: string;
  readonly size: string;
  readonly text: string;
  readonly below: readonly Branch[];
}

/** Folders side by side that are shown; the others are one line. */
const MAX_SHOWN = 8;

/** A tree as a person would draw it: documents and folders, with sizes and counts. */
export function drawTree(report: TreeReport): string[] {
  const branches = [...documentBranches(report), ...folderBranches(report.explanation.contents.folders)];
  const lines = linesOf(branches, "");
  const names = Math.max(0, ...lines.map(({ name }) => name.length));
  const sizes = Math.max(0, ...lines.map(({ size }) => size.length));
  const drawn = lines.map(({ name, size, text }) =>
    `${name.padEnd(names)}  ${size.padStart(sizes)}  ${text}`.trimEnd(),
  );
  return [visible(report.where), ...drawn];
}

function documentBranches({ documents, explanation, findings }: TreeReport): Branch[] {
  const builds = explanation.readers.find(({ reader }) => reader === "lxc")?.lists ?? 0;
  return documents.map(({ path, bytes, why }) => {
    const file = explanation.contents.documents.find((one) => one.path === path);
    const isLxc = path.startsWith("meta/");
    const text =
      why !== undefined
        ? why
        : file?.counts === undefined
          ? isLxc
            ? counted(builds, "build")
            : isUnreadable(path, findings)
              ? "cannot be read"
              : ""
          : countsText(file.datatype, file.counts);
    return {
      name: visible(path),
      size: bytes === undefined ? "-" : readableSize(bytes),
      text: visible(text),
      below: [],
    };
  });
}

function isUnreadable(path: string, findings: TreeReport["findings"]): boolean {
  return findings.some(({ document, rule }) => document === path && rule === "json-text");
}

function countsText(
  datatype: string,
  {
    products,
    versions,
    items,
  }: { readonly products: number; readonly versions: number; readonly items: number },
): string {
  const counts = [counted(products, "product"), counted(versions, "version"), counted(items, "item")].join(
    ", ",
  );
  return datatype === "image-downloads"
    ? counts
    : `${counts} (${datatype === "" ? "no datatype" : datatype})`;
}

function folderBranches(folders: readonly FolderContents[]): Branch[] {
  const shown = folders.length > MAX_SHOWN + 1 ? folders.slice(0, MAX_SHOWN) : folders;
  const rest = folders.slice(shown.length);
  const branches = shown.map(({ name, bytes, files, folders: below }) => ({
    name: `${visible(name)}/`,
    size: readableSize(bytes),
    text: counted(files, "file"),
    below: folderBranches(below),
  }));
  if (rest.length === 0) return branches;
  const total = (key: "bytes" | "files") => rest.reduce((sum, folder) => sum + folder[key], 0);
  return [
    ...branches,
    {
      name: `${rest.length} more folders`,
      size: readableSize(total("bytes")),
      text: counted(total("files"), "file"),
      below: [],
    },
  ];
}

function linesOf(branches: readonly Branch[], indent: string): Omit<Branch, "below">[] {
  return branches.flatMap(({ below, ...branch }, at) => {
    const isLast = at === branches.length - 1;
    return [
      { ...branch, name: `${indent}${isLast ? "└── " : "├── "}${branch.name}` },
      ...linesOf(below, `${indent}${isLast ? "    " : "│   "}`),
    ];
  });
}

/** `1 product`, `2 products`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
