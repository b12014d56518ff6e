import { type ClientProfile, clientProfiles } from "../simplestreams/client-profile.ts";
import type { Finding } from "../simplestreams/finding.ts";
import { hazards } from "../simplestreams/hazards.ts";
import { imagesOf } from "../simplestreams/images-of.ts";
import { invisible } from "../simplestreams/invisible.ts";
import type { ListedImage } from "../simplestreams/listed-image.ts";
import type { Product, ProductsFile, Version } from "../simplestreams/products.ts";

/** What one kind of client makes of a version. */
export interface Visibility {
  /** The client profile: `incus 6.0`, `lxd 5.21`, ... */
  readonly client: string;
  readonly images: readonly Pick<ListedImage, "fingerprint" | "type" | "description">[];
  /** What it leaves out or could not use, each with its reason and source. */
  readonly findings: readonly Finding[];
}

/**
 * What every known kind of client will see of one version of a product, before anybody has to wonder. Looks at that
 * version alone, so that its cost does not grow with the store.
 */
export function visibilityOf(
  file: ProductsFile,
  product: string,
  version: string,
  clients: readonly ClientProfile[] = clientProfiles,
): Visibility[] {
  const alone = onlyVersion(file, product, version);
  return clients.map((client) => ({
    client: client.name,
    images: imagesOf(alone, client).map(({ fingerprint, type, description }) => ({
      fingerprint,
      type,
      description,
    })),
    findings: [...invisible(alone, client), ...hazards(alone, client)],
  }));
}

function onlyVersion(file: ProductsFile, key: string, name: string): ProductsFile {
  const product = file.products.get(key);
  const version = product?.versions.get(name);
  const versions = new Map<string, Version>(version === undefined ? [] : [[name, version]]);
  return {
    ...file,
    products: new Map<string, Product>(product === undefined ? [] : [[key, { ...product, versions }]]),
  };
}
