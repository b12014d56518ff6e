import { HeadwaterError } from "../error.ts";
import { parseAliases } from "../simplestreams/aliases.ts";
import { fingerprintsOf, type InstanceType } from "../simplestreams/fingerprint.ts";
import { productKey } from "../simplestreams/item-path.ts";
import type { Product, ProductsFile, Version } from "../simplestreams/products.ts";
import { newestVersion } from "../simplestreams/version-name.ts";
import type { ProductNames } from "./build.ts";

/** Where an image is listed. */
export interface ImagePlace {
  readonly product: string;
  readonly version: string;
}

/**
 * A products file on its way to the next one, with what has to be looked up for every build: names, aliases and
 * fingerprints. Built once, so that taking over a tree of ten thousand builds costs ten thousand look-ups and not their square.
 */
export class Listing {
  readonly #file: ProductsFile;
  readonly #products: Map<string, Product>;
  readonly #keys = new Map<string, string>();
  readonly #places = new Map<string, ImagePlace>();
  readonly #aliases = new Map<string, Set<string>>();

  constructor(file: ProductsFile) {
    this.#file = file;
    this.#products = new Map(file.products);
    for (const [key, product] of this.#products) this.#index(key, product);
  }

  /** As it stands now. */
  get file(): ProductsFile {
    return { ...this.#file, products: new Map(this.#products) };
  }

  /**
   * The product of these names, and the key it has or gets. Products are matched by their fields; paths and keys are made
   * of slugs, so two names that differ but have one slug cannot live side by side.
   * @throws NAME_TAKEN when a product with other names has the same slugs
   */
  find(names: ProductNames): { readonly key: string; readonly product: Product | undefined } {
    const slugs = productKey(names);
    const key = this.#keys.get(slugs) ?? slugs;
    const product = this.#products.get(key);
    if (product !== undefined) refuseOtherNames(key, namesOf(product), names);
    return { key, product };
  }

  /** Where these bytes are listed already. */
  placeOf(fingerprint: string): ImagePlace | undefined {
    return this.#places.get(fingerprint);
  }

  /** Another product of this architecture that has the alias. */
  otherOwner(alias: string, key: string, arch: string): string | undefined {
    for (const owner of this.#aliases.get(alias) ?? []) {
      if (owner !== key && this.#products.get(owner)?.arch === arch) return owner;
    }
    return undefined;
  }

  /** The product with this key. */
  get(key: string): Product | undefined {
    return this.#products.get(key);
  }

  /** The products that have this alias, of whatever architecture. */
  named(alias: string): Product[] {
    return [...(this.#aliases.get(alias) ?? [])].flatMap((key) => this.#products.get(key) ?? []);
  }

  /** The newest version of a product. */
  newest(key: string): Version | undefined {
    const versions = this.#products.get(key)?.versions ?? new Map<string, Version>();
    return versions.get(newestVersion(versions.keys()) ?? "");
  }

  /** Takes an alias from a product. */
  dropAlias(key: string, alias: string): void {
    const product = this.#products.get(key);
    if (product === undefined) return;
    const others = parseAliases(product.aliases).filter((other) => other !== alias);
    this.set(key, { ...product, aliases: others.join(",") });
  }

  /** What the images of a product become. */
  typesOf(key: string): ReadonlySet<InstanceType> {
    const versions = [...(this.#products.get(key)?.versions.values() ?? [])];
    return new Set(versions.flatMap((version) => fingerprintsOf(version).map((image) => image.type)));
  }

  /** Puts a product in place of the one with its key. Versions that are the same objects as before cost nothing. */
  set(key: string, product: Product): void {
    const before = this.#products.get(key);
    if (before !== undefined) this.#forget(key, before, product);
    this.#products.set(key, product);
    this.#index(key, product, before);
  }

  #index(key: string, product: Product, before?: Product): void {
    this.#keys.set(productKey(namesOf(product)), key);
    for (const alias of parseAliases(product.aliases)) {
      const owners = this.#aliases.get(alias);
      if (owners === undefined) this.#aliases.set(alias, new Set([key]));
      else owners.add(key);
    }
    for (const [version, content] of product.versions) {
      if (before?.versions.get(version) === content) continue;
      for (const { fingerprint } of fingerprintsOf(content))
        this.#places.set(fingerprint, { product: key, version });
    }
  }

  #forget(key: string, product: Product, after: Product): void {
    for (const alias of parseAliases(product.aliases)) this.#aliases.get(alias)?.delete(key);
    for (const [version, content] of product.versions) {
      if (after.versions.get(version) === content) continue;
      for (const { fingerprint } of fingerprintsOf(content)) {
        if (this.#places.get(fingerprint)?.product === key) this.#places.delete(fingerprint);
      }
    }
  }
}

/** The names of a listed product; a missing variant is the default one. */
function namesOf(product: Product): ProductNames {
  return {
    os: product.os ?? "",
    release: product.release ?? "",
    variant: product.variant === undefined || product.variant === "" ? "default" : product.variant,
    arch: product.arch ?? "",
  };
}

function refuseOtherNames(key: string, there: ProductNames, names: ProductNames): void {
  const field = (["os", "release", "variant", "arch"] as const).find((one) => there[one] !== names[one]);
  if (field === undefined) return;
  throw new HeadwaterError(
    "NAME_TAKEN",
    `${field} "${names[field]}" and "${there[field]}" of the product ${key} would share the path ${productKey(names)}`,
    {
      hint: `Use the same spelling (--${field} "${there[field]}"), or a name that differs in more than case and punctuation.`,
      details: { product: key, field },
    },
  );
}
