import { isObject, type RawObject } from "../containers.ts";
import { finding, type Finding, type Place } from "../finding.ts";
import { quoted } from "../printable.ts";
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
  if (!isObject(tree.rawIndex)) return { refused: true, items: 0 };
  const { format } = tree.rawIndex;
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
    if (file.decoded === undefined) refused = true;
    else items += readFile(file, (found) => report(file.path, found));
  }
  return { refused, items };
}

function wrongFormat(expected: string, got: unknown): string {
  return `expected the format ${expected}, got ${quoted(got)}`;
}

function readFile({ decoded }: TreeFile, report: (found: Finding) => void): number {
  const raw = decoded?.raw;
  if (!isObject(raw)) return 0;
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
