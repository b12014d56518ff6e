import { isObject, type RawObject } from "../containers.ts";
import { finding, type Finding, type Place } from "../finding.ts";
import { quoted } from "../printable.ts";
import { pathProblem } from "../relative-path.ts";
import { isForImages } from "./check-index.ts";
import { INDEX, type ReadTree, type TreeFile } from "./read-tree.ts";
import type { Findings } from "./findings.ts";

const SSTREAM = ["sstream"];
const CHECKSUMS = ["md5", "sha256", "sha512"];

/** How many items the Python tools find in a tree; refused when they end with an error first. */
export interface SstreamView {
  readonly refused: boolean;
  readonly items: number;
}

/**
 * Reads a tree as sstream-mirror and sstream-query do: by formats, with fields inherited from above (simplestreams util.py
 * products_exdata). Everything that ends them with an error is reported.
 */
export function readAsSstream(tree: ReadTree, findings: Findings): SstreamView {
  // A text that is no JSON at all is reported already.
  if (tree.rawIndex === undefined) return { refused: true, items: 0 };
  const format = isObject(tree.rawIndex) ? tree.rawIndex["format"] : undefined;
  let refused = false;
  const report = (document: string, found: Finding) => {
    refused = true;
    findings.add(document, found, SSTREAM);
  };
  if (format !== "index:1.0") {
    report(
      INDEX,
      finding("sstream-format", { field: "format", value: format }, wrongFormat("index:1.0", format)),
    );
  }
  let items = 0;
  for (const file of [...tree.files, ...tree.others]) {
    if (file.entry.format !== "products:1.0") {
      const place = { field: `index[${quoted(file.key, 100)}].format`, value: file.entry.format };
      findings.add(
        INDEX,
        finding("sstream-format", place, wrongFormat("products:1.0", file.entry.format)),
        SSTREAM,
      );
      continue;
    }
    if (file.decoded === undefined) {
      refused = true;
      // Entries for images have been looked at.
      if (pathProblem(file.path) !== undefined && !isForImages(file.entry))
        findings.add(INDEX, noSuchPath(file), SSTREAM);
    } else items += readFile(file, (found) => report(file.path, found));
  }
  return { refused, items };
}

function noSuchPath({ key, path }: TreeFile): Finding {
  const place = { field: `index[${quoted(key, 100)}].path`, value: path };
  return finding("entry-path", place, `the path ${quoted(path)} leads to no document`);
}

function wrongFormat(expected: string, got: unknown): string {
  return `expected the format ${expected}, got ${quoted(got)}`;
}

function readFile({ decoded }: TreeFile, report: (found: Finding) => void): number {
  const raw = isObject(decoded?.raw) ? decoded.raw : {};
  if (raw["format"] !== "products:1.0") {
    const place = { field: "format", value: raw["format"] };
    report(finding("sstream-format", place, wrongFormat("products:1.0", raw["format"])));
  }
  if (raw["content_id"] === undefined) {
    report(finding("sstream-content-id", { field: "content_id" }, "the products file has no content_id"));
  }
  let items = 0;
  for (const [product, rawProduct] of entriesOf(raw["products"])) {
    for (const [version, rawVersion] of entriesOf(rawProduct["versions"])) {
      for (const [item, rawItem] of entriesOf(rawVersion["items"])) {
        items++;
        const found = checkItem([rawItem, rawVersion, rawProduct, raw], { product, version, item });
        if (found !== undefined) report(found);
      }
    }
  }
  return items;
}

/** `levels`: the item and all above it, from which it inherits. */
function checkItem(levels: readonly RawObject[], place: Place): Finding | undefined {
  const field = (name: string) => levels.find((level) => Object.hasOwn(level, name))?.[name];
  const path = field("path");
  if (typeof path !== "string" || path === "") return undefined;
  if (path.startsWith("/") || path.split("/").includes("..")) {
    const reason = `the path ${quoted(path)} is refused`;
    return finding("sstream-path", { ...place, field: "path", value: path }, reason);
  }
  if (field("size") === undefined) {
    return finding("sstream-checksum", { ...place, field: "size" }, "the item has a path and no size");
  }
  if (CHECKSUMS.some((name) => field(name) !== undefined)) return undefined;
  return finding("sstream-checksum", { ...place, field: "sha256" }, "the item has a path and no checksum");
}

function entriesOf(container: unknown): [string, RawObject][] {
  if (!isObject(container)) return [];
  return Object.entries(container).filter((entry): entry is [string, RawObject] => isObject(entry[1]));
}
