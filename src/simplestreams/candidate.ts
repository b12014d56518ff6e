import type { RootFtype } from "./ftypes.ts";
import type { Item, Product, Version } from "./products.ts";

/** What makes one image, before it is put into words. */
export interface Candidate extends VersionPlace {
  readonly fingerprint: string;
  readonly metadataKey: string;
  /** The metadata item, or the unified one. */
  readonly metadata: Item;
  /** Of that item; never empty. */
  readonly metadataPath: string;
  /** Undefined when unified. */
  readonly root: { readonly key: string; readonly ftype: RootFtype; readonly item: Item } | undefined;
}

/** One version that a client looks into. */
export interface VersionPlace {
  readonly productKey: string;
  readonly product: Product;
  readonly architecture: string;
  readonly versionName: string;
  readonly version: Version;
  readonly date: Date;
}
