import { parseAliases } from "../aliases.ts";
import { dialectOf, isRootFtype, roleOf } from "../ftypes.ts";
import type { Product, ProductsFile, Version } from "../products.ts";

/** What listing some products files takes: a short text can ask for very much of it. */
export interface Amounts {
  /** Products, versions and items. */
  readonly places: number;
  /** Each metadata item with each root is one. */
  readonly images: number;
  /** Each image has all aliases of its product. */
  readonly names: number;
  /** Each image has all deltas of its version. */
  readonly deltas: number;
  /** Of names and properties, which are compared for each image. */
  readonly characters: number;
}

/** Of no file. */
export const NONE: Amounts = { places: 0, images: 0, names: 0, deltas: 0, characters: 0 };

/** Some twenty times what the largest public servers have. */
const LIMITS: Amounts = {
  places: 10_000_000,
  images: 100_000,
  names: 1_000_000,
  deltas: 1_000_000,
  characters: 100_000_000,
};

const WORDS: Readonly<Record<keyof Amounts, string>> = {
  places: "products, versions and items",
  images: "images",
  names: "names of images",
  deltas: "deltas of images",
  characters: "characters in what is listed",
};

/** Why documents are not looked into although they are short enough, as a sentence; undefined when they are. */
export function tooMuch(amounts: Amounts): string | undefined {
  for (const what of ["images", "names", "deltas", "characters", "places"] as const) {
    if (amounts[what] > LIMITS[what])
      return `expected at most ${LIMITS[what]} ${WORDS[what]}, got ${amounts[what]}`;
  }
  return undefined;
}

/** Of several files together. */
export function sum(a: Amounts, b: Amounts): Amounts {
  return {
    places: a.places + b.places,
    images: a.images + b.images,
    names: a.names + b.names,
    deltas: a.deltas + b.deltas,
    characters: a.characters + b.characters,
  };
}

/** Counts without making anything. */
export function amountsOf(file: ProductsFile): Amounts {
  const total = { ...NONE };
  for (const [key, product] of file.products) {
    let images = 0;
    let characters = 0;
    for (const [name, version] of product.versions) {
      const ofVersion = countVersion(version);
      total.places += 1 + version.items.size;
      total.deltas += ofVersion.images * ofVersion.deltas;
      images += ofVersion.images;
      characters += ofVersion.images * name.length;
    }
    total.places++;
    total.images += images;
    total.characters += characters;
    if (images === 0) continue;
    const names = parseAliases(product.aliases).length;
    total.names += images * names;
    total.characters += images * (key.length + textOf(product) + names * (product.arch ?? "").length);
  }
  return total;
}

function countVersion({ items }: Version): { readonly images: number; readonly deltas: number } {
  let metadata = 0;
  let roots = 0;
  let unified = 0;
  let deltas = 0;
  for (const { ftype } of items.values()) {
    if (isRootFtype(ftype)) roots++;
    else if (dialectOf(ftype) === undefined) deltas += roleOf(ftype) === "delta" ? 1 : 0;
    else if (roleOf(ftype) === "unified") unified++;
    else metadata++;
  }
  return { images: metadata * roots + unified, deltas };
}

function textOf({
  aliases = "",
  os = "",
  release = "",
  variant = "",
  requirements,
  lxd_requirements,
}: Product): number {
  let length = aliases.length + os.length + release.length + variant.length;
  for (const named of [requirements, lxd_requirements]) {
    for (const name in named) length += name.length + 10;
  }
  return length;
}
