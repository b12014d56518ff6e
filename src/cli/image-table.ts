import type { ImageRow } from "../views/image-rows.ts";
import type { Filterable } from "./filters.ts";
import type { Column } from "./output.ts";
import { readableSize } from "./size.ts";

/** The columns of `headwater list`, in the manner of `incus image list`. */
export const IMAGE_COLUMNS: readonly Column<ImageRow>[] = [
  { title: "alias", value: (image) => image.aliases, shown: (image) => shortAliases(image.aliases) },
  {
    title: "fingerprint",
    value: (image) => image.fingerprint,
    shown: (image) => image.fingerprint.slice(0, 12),
  },
  { title: "product", value: (image) => image.product },
  { title: "version", value: (image) => image.version },
  { title: "type", value: (image) => image.type },
  { title: "root", value: (image) => image.root },
  { title: "for", value: (image) => image.dialects },
  { title: "stream", value: (image) => image.stream },
  { title: "held", value: (image) => image.held, shown: (image) => (image.held ? "yes" : "at upstream") },
  { title: "size", value: (image) => image.size, shown: (image) => readableSize(image.size), align: "right" },
];

/** Keys that `headwater list key=value` knows. */
export const IMAGE_KEYS: readonly string[] = [
  "alias",
  "arch",
  "dialect",
  "fingerprint",
  "held",
  "label",
  "newest",
  "origin",
  "os",
  "product",
  "release",
  "root",
  "stream",
  "title",
  "type",
  "variant",
  "version",
];

export function filterable(image: ImageRow): Filterable {
  const type = image.type === "virtual-machine" ? ["virtual-machine", "vm"] : [image.type];
  return {
    words: [image.os, image.release, image.title, image.product, image.fingerprint, ...image.aliases],
    fields: new Map([
      ["alias", image.aliases],
      ["arch", [image.arch]],
      ["dialect", image.dialects],
      ["fingerprint", [image.fingerprint]],
      ["held", [String(image.held)]],
      ["label", [image.label]],
      ["newest", [String(image.newest)]],
      ["origin", [image.origin]],
      ["os", [image.os]],
      ["product", [image.product]],
      ["release", [image.release]],
      ["root", [image.root]],
      ["stream", [image.stream]],
      ["title", [image.title]],
      ["type", type],
      ["variant", [image.variant]],
      ["version", [image.version]],
      ...Object.entries(image.requirements).map(([key, value]) => [`requirements.${key}`, [value]] as const),
    ]),
  };
}

/** The shortest alias, which people type, and how many more there are. */
function shortAliases(aliases: readonly string[]): string {
  const [first, ...more] = [...aliases].sort((a, b) => a.length - b.length);
  if (first === undefined) return "";
  return more.length === 0 ? first : `${first} (${more.length} more)`;
}
