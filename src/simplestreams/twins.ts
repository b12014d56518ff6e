import { HeadwaterError } from "../error.ts";
import { dialectOf, metadataFtypes, roleOf, unifiedFtypes } from "./ftypes.ts";
import { quoted } from "./printable.ts";
import type { Item, Product } from "./products.ts";

/**
 * The items of a version with the metadata listed for both dialects: Incus reads only `incus.tar.xz`, LXD only
 * `lxd.tar.xz`, and the bytes may be the same. The twin has the same path, hashes and size and differs in its ftype alone.
 * A unified container gets a twin too. A unified virtual machine never: LXD, and Incus before 7.1, list every unified
 * image as a container. What one dialect has already is left alone.
 */
export function withTwins(items: ReadonlyMap<string, Item>): ReadonlyMap<string, Item> {
  const twins = new Map(items);
  for (const item of items.values()) {
    const ftype = twinFtype(item);
    if (ftype === undefined || has(twins, ftype)) continue;
    twins.set(freeKey(twins, ftype), { ...item, ftype });
  }
  return twins;
}

function twinFtype(item: Item): string | undefined {
  const dialect = dialectOf(item.ftype);
  if (dialect === undefined) return undefined;
  const other = dialect === "incus" ? "lxd" : "incus";
  if (roleOf(item.ftype) === "metadata") return metadataFtypes[other];
  return item.combined_type === "virtual-machine" ? undefined : unifiedFtypes[other];
}

function has(items: ReadonlyMap<string, Item>, ftype: string): boolean {
  for (const item of items.values()) if (item.ftype === ftype) return true;
  return false;
}

/** Item keys equal ftypes, which some other consumers look for, unless the key holds something else already. */
function freeKey(items: ReadonlyMap<string, Item>, ftype: string): string {
  let key = ftype;
  for (let number = 2; items.has(key); number++) key = `${ftype}-${number}`;
  return key;
}

/**
 * Requirements for both families: Incus reads `requirements`, LXD 5.0.2 only `lxd_requirements`, later LXD prefers that
 * one when it is there. Values become strings, since a boolean would make clients refuse the whole file. Throws NAME_INVALID
 * for what is neither text, number nor boolean.
 *
 * @example
 * console.log(requirementFields({ secureboot: false }));
 * // {"requirements":{"secureboot":"false"},"lxd_requirements":{"secureboot":"false"}}
 */
export function requirementFields(
  requirements: Readonly<Record<string, unknown>>,
): Required<Pick<Product, "requirements" | "lxd_requirements">> {
  const strings = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(requirements)) {
    if (typeof value !== "string" && typeof value !== "boolean" && typeof value !== "number") {
      throw new HeadwaterError(
        "NAME_INVALID",
        `the requirement ${quoted(name)} cannot be written: expected a string, got ${quoted(value)}`,
      );
    }
    strings[name] = String(value);
  }
  return { requirements: strings, lxd_requirements: strings };
}
