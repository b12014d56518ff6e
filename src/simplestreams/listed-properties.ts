import type { RootFtype } from "./ftypes.ts";
import type { Product, Version } from "./products.ts";

/** One image with what there is to say about it. */
export interface DescribedImage {
  readonly product: Product;
  readonly version: Version;
  readonly versionName: string;
  /** Undefined when unified. */
  readonly rootFtype: RootFtype | undefined;
  readonly requirements: Readonly<Record<string, string>>;
  readonly description: string;
}

/**
 * The properties that a client makes of what a products file says: properties in the image's own metadata.yaml are not read for
 * simplestreams. On launch each becomes `image.<key>`.
 */
export function listedProperties(image: DescribedImage): Record<string, string> {
  const { product, version, versionName, rootFtype, requirements, description } = image;
  const properties: Record<string, string> = {};
  const set = (key: string, value: string | undefined) => {
    // Empty properties are removed (products.go, "Clear unset properties").
    if (value !== undefined && value !== "") properties[key] = value;
  };
  set("os", product.os);
  set("release", product.release);
  set("version", product.version);
  // As spelled in the file (`amd64`), not the kernel name.
  set("architecture", product.arch);
  set("label", version.label);
  set("serial", versionName);
  set("description", description);
  set("variant", product.variant);
  set("type", rootFtype ?? "tar.gz");
  for (const name of Object.keys(requirements)) set(`requirements.${name}`, requirements[name]);
  return properties;
}
