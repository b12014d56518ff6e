import { finding, type Finding } from "../finding.ts";
import type { IndexEntry, IndexFile } from "../index-file.ts";
import { quoted } from "../printable.ts";
import { pathProblem } from "../relative-path.ts";

/** Whether Incus and LXD read the products file of an entry. */
export function isForImages({ datatype, products }: IndexEntry): boolean {
  return datatype === "image-downloads" && (products ?? []).length > 0;
}

/** Whether an entry names a products file at all; an index may name other indexes. */
export function isProductsFile({ format }: IndexEntry): boolean {
  return format === undefined || format === "" || format === "products:1.0";
}

/** Datatypes of other programs: clouds and MAAS, Juju. */
const OTHERS: ReadonlySet<string> = new Set(["image-ids", "content-download"]);

/** What keeps the entries of an index from being read by Incus and LXD. */
export function checkIndex({ index }: IndexFile): Finding[] {
  if (index.size === 0) {
    return [finding("index-empty", { field: "index" }, "the index names no products file")];
  }
  const entries = [...index];
  return [...entries.flatMap(([key, entry]) => checkEntry(key, entry)), ...checkNames(entries)];
}

function checkEntry(key: string, entry: IndexEntry): Finding[] {
  const at = (field: keyof IndexEntry & string) => ({
    field: `index[${quoted(key, 100)}].${field}`,
    value: entry[field],
  });
  const { datatype = "", path = "" } = entry;
  // Image clients do not look at the format.
  if (OTHERS.has(datatype) || (!isForImages(entry) && !isProductsFile(entry))) {
    const reason = OTHERS.has(datatype)
      ? `the datatype is ${datatype}`
      : `the format is ${quoted(entry.format)}`;
    return [finding("entry-other-datatype", at(OTHERS.has(datatype) ? "datatype" : "format"), reason)];
  }
  if (datatype !== "image-downloads") {
    return [finding("entry-datatype", at("datatype"), `expected image-downloads, got ${quoted(datatype)}`)];
  }
  if (!isForImages(entry)) {
    return [finding("entry-products", at("products"), "the list of products is empty or missing")];
  }
  const problem = pathProblem(path.replace(/^\/+/, ""));
  return problem === undefined
    ? []
    : [
        finding(
          "entry-path",
          at("path"),
          `the path ${quoted(path)} cannot be fetched by all clients: ${problem}`,
        ),
      ];
}

/** Paths that clients keep under one name. */
function checkNames(entries: readonly (readonly [string, IndexEntry])[]): Finding[] {
  const findings: Finding[] = [];
  const paths = new Map<string, string>();
  const names = new Map<string, string>([["index.json", "the index"]]);
  for (const [key, entry] of entries) {
    if (!isForImages(entry)) continue;
    const { path = "" } = entry;
    const place = { field: `index[${quoted(key, 100)}].path`, value: path };
    const other = paths.get(path);
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (other !== undefined) {
      findings.push(finding("entry-repeated", place, `the entry ${quoted(other)} names the same file`));
    } else if (names.has(name)) {
      const reason = `clients keep it under the same name as ${names.get(name)}`;
      findings.push(finding("entry-basename", place, reason));
    }
    paths.set(path, other ?? key);
    if (!names.has(name)) names.set(name, quoted(path));
  }
  return findings;
}
