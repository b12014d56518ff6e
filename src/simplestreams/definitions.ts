import * as z from "zod";

/*
 * What the documents look like, once: validation uses these definitions, and JSON Schemas can be generated from them.
 * They are as strict as Go's decoder is for the fields that Incus and LXD read (a wrong type in one of them makes both
 * refuse the whole file) and open for everything else: unknown keys are kept.
 */

const text = z.string().optional();
const names = z.array(z.string()).optional();
const requirements = z.record(z.string(), z.string()).optional();

/** One file of a build. */
export const itemDefinition = z.looseObject({
  ftype: text,
  path: text,
  size: z.int().nonnegative().optional(),
  sha256: text,
  md5: text,
  combined_sha256: text,
  combined_rootxz_sha256: text,
  combined_squashfs_sha256: text,
  "combined_disk-kvm-img_sha256": text,
  "combined_disk1-img_sha256": text,
  "combined_uefi1-img_sha256": text,
  combined_type: text,
  delta_base: text,
});

/** One dated build. */
export const versionDefinition = z.looseObject({
  label: text,
  pubname: text,
  items: z.record(z.string(), itemDefinition).optional(),
});

/** One `os:release:variant:arch`. */
export const productDefinition = z.looseObject({
  aliases: text,
  arch: text,
  os: text,
  release: text,
  release_codename: text,
  release_title: text,
  requirements,
  lxd_requirements: requirements,
  supported: z.boolean().optional(),
  support_eol: text,
  variant: text,
  version: text,
  versions: z.record(z.string(), versionDefinition).optional(),
});

/** A products file. */
export const productsDefinition = z.looseObject({
  content_id: text,
  datatype: text,
  format: text,
  license: text,
  updated: text,
  products: z.record(z.string(), productDefinition),
});

/** One line of an index. */
export const indexEntryDefinition = z.looseObject({
  datatype: text,
  path: text,
  format: text,
  updated: text,
  products: names,
});

/** `streams/v1/index.json`. */
export const indexDefinition = z.looseObject({
  format: text,
  updated: text,
  index: z.record(z.string(), indexEntryDefinition),
});
