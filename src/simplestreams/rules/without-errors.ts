import type { Finding } from "../finding.ts";
import { combinedFields, roleOf } from "../ftypes.ts";
import type { Item, Product, ProductsFile, Version } from "../products.ts";
import { errorsOf } from "./errors-of.ts";
import type { RuleId } from "./rules.ts";

/** A products file in which no rule finds an error, and what had to go for that. */
export interface WithoutErrors {
  readonly file: ProductsFile;
  /** The findings that led to something being left out. */
  readonly leftOut: readonly Finding[];
}

/** What is left out may leave something else alone; after as many rounds whole versions go. */
const GENTLE_ROUNDS = 3;

/**
 * Leaves out what a rule calls an error, and as little else as can be: a combined hash, an item, else a version, else a product.
 * `which`: the rules that count; all errors unless told. Nothing is changed or copied where there is none.
 */
export function withoutErrors(
  file: ProductsFile,
  which: (rule: RuleId) => boolean = () => true,
): WithoutErrors {
  const leftOut: Finding[] = [];
  let left = file;
  for (let round = 0; ; round++) {
    const errors = errorsOf(left).filter(({ rule }) => which(rule));
    if (errors.length === 0) return { file: left, leftOut };
    leftOut.push(...errors);
    left = without(left, errors, round < GENTLE_ROUNDS);
  }
}

function without(file: ProductsFile, errors: readonly Finding[], isGentle: boolean): ProductsFile {
  const products = new Map(file.products);
  for (const found of errors) {
    const key = found.product ?? "";
    const product = products.get(key);
    if (product === undefined) continue;
    const changed = withoutPart(product, found, isGentle);
    if (changed === undefined) products.delete(key);
    else products.set(key, changed);
  }
  return { ...file, products };
}

/** The product without what the finding is about; undefined when that is all of it. */
function withoutPart(product: Product, found: Finding, isGentle: boolean): Product | undefined {
  const version = product.versions.get(found.version ?? "");
  // About the product itself, or about a version that has gone meanwhile.
  if (version === undefined) return found.version === undefined ? undefined : product;
  const changed = isGentle ? withoutItem(version, found) : undefined;
  const versions = new Map(product.versions);
  if (changed === undefined || changed.items.size === 0) versions.delete(found.version ?? "");
  else versions.set(found.version ?? "", changed);
  return versions.size === 0 ? undefined : { ...product, versions };
}

const COMBINED: ReadonlySet<string> = new Set([...Object.values(combinedFields), "combined_sha256"]);

function withoutItem(version: Version, { item: key = "", field = "", value }: Finding): Version | undefined {
  const item = version.items.get(key);
  if (item === undefined) return undefined;
  const items = new Map(version.items);
  // A wrong combined hash is about one root, and the metadata serves the others.
  const isOneHash = roleOf(item.ftype) === "metadata" && COMBINED.has(field) && value !== undefined;
  if (isOneHash) items.set(key, withoutFields(item, value));
  else items.delete(key);
  return { ...version, items };
}

function withoutFields(item: Item, value: unknown): Item {
  return Object.fromEntries(
    Object.entries(item).filter(([name, other]) => !COMBINED.has(name) || other !== value),
  );
}
