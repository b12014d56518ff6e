/** Any JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * A products file as this program holds it: the JSON object with the three containers of foreign names (`products`,
 * `versions`, `items`) as Maps, and every other key, known or not, as it came. Names such as `__proto__` are harmless here.
 */
export interface ProductsFile {
  readonly content_id?: string;
  readonly datatype?: string;
  readonly format?: string;
  /** RFC 2822, as other consumers than Incus and LXD want it. */
  readonly updated?: string;
  readonly products: ReadonlyMap<string, Product>;
  readonly [key: string]: Json | ReadonlyMap<string, Product> | undefined;
}

/** What is built again and again: `os:release:variant:arch`. */
export interface Product {
  readonly arch?: string;
  readonly os?: string;
  readonly release?: string;
  readonly release_title?: string;
  readonly release_codename?: string;
  readonly version?: string;
  readonly variant?: string;
  /** Comma-separated, no blanks: clients do not trim. */
  readonly aliases?: string;
  readonly requirements?: Readonly<Record<string, string>>;
  /** LXD reads these instead of `requirements` when present, even when empty. */
  readonly lxd_requirements?: Readonly<Record<string, string>>;
  readonly support_eol?: string;
  readonly versions: ReadonlyMap<string, Version>;
  readonly [key: string]: Json | ReadonlyMap<string, Version> | undefined;
}

/** One dated build. */
export interface Version {
  readonly label?: string;
  readonly pubname?: string;
  readonly items: ReadonlyMap<string, Item>;
  readonly [key: string]: Json | ReadonlyMap<string, Item> | undefined;
}

/** One file of a build. Item keys are ignored by Incus and LXD; `ftype` decides. */
export interface Item {
  readonly ftype?: string;
  readonly path?: string;
  /** Bytes. */
  readonly size?: number;
  readonly sha256?: string;
  readonly combined_sha256?: string;
  readonly combined_rootxz_sha256?: string;
  readonly combined_squashfs_sha256?: string;
  readonly "combined_disk-kvm-img_sha256"?: string;
  readonly "combined_disk1-img_sha256"?: string;
  readonly "combined_uefi1-img_sha256"?: string;
  readonly combined_type?: string;
  readonly delta_base?: string;
  readonly [key: string]: Json | undefined;
}
