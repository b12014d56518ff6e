import { HeadwaterError } from "../error.ts";
import { productKey } from "../simplestreams/item-path.ts";
import type { Product, ProductsFile } from "../simplestreams/products.ts";
import type { ProductNames } from "./build.ts";

/**
 * The product of these names, and the key it has or gets. Products are matched by their fields; paths and keys are made
 * of slugs, so two names that differ but have one slug cannot live side by side.
 * @throws NAME_TAKEN when a product with other names has the same slugs
 */
export function findProduct(
  file: ProductsFile,
  names: ProductNames,
): { readonly key: string; readonly product: Product | undefined } {
  const key = productKey(names);
  for (const [other, product] of file.products) {
    const there = namesOf(product);
    if (productKey(there) !== key) continue;
    const differing = (["os", "release", "variant", "arch"] as const).find(
      (field) => there[field] !== names[field],
    );
    if (differing === undefined) return { key: other, product };
    throw new HeadwaterError(
      "NAME_TAKEN",
      `${differing} "${names[differing]}" and "${there[differing]}" of the product ${other} would share the path ${key}`,
      {
        hint: `Use the same spelling (--${differing} "${there[differing]}"), or a name that differs in more than case and punctuation.`,
        details: { product: other, field: differing },
      },
    );
  }
  return { key, product: undefined };
}

/** The names of a listed product; a missing variant is the default one. */
export function namesOf(product: Product): ProductNames {
  return {
    os: product.os ?? "",
    release: product.release ?? "",
    variant: product.variant === undefined || product.variant === "" ? "default" : product.variant,
    arch: product.arch ?? "",
  };
}
