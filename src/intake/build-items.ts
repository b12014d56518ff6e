import { combinedFields } from "../simplestreams/ftypes.ts";
import { itemPath } from "../simplestreams/item-path.ts";
import type { Item } from "../simplestreams/products.ts";
import { withTwins } from "../simplestreams/twins.ts";
import type { Build, StagedFile } from "./build.ts";

/** The items of one build as they are listed, for both dialects; item keys equal ftypes, as other consumers want them. */
export function itemsOfBuild(build: Build, version: string): ReadonlyMap<string, Item> {
  const place = (name: string, file: StagedFile): Pick<Item, "path" | "size" | "sha256"> => ({
    path: itemPath({ ...build.names, version, name, sha256: file.sha256, extension: file.extension }),
    size: file.size,
    sha256: file.sha256,
  });
  const items = new Map<string, Item>();
  if (build.files.kind === "unified") {
    const ftype = "incus_combined.tar.gz";
    items.set(ftype, { ftype, ...place("image", build.files.image), combined_type: "container" });
    return withTwins(items);
  }
  const combined: Record<string, string> = {};
  for (const root of build.files.roots) combined[combinedFields[root.ftype]] = root.fingerprint;
  items.set("incus.tar.xz", {
    ftype: "incus.tar.xz",
    ...place("metadata", build.files.metadata),
    ...combined,
  });
  for (const root of build.files.roots) {
    items.set(root.ftype, {
      ftype: root.ftype,
      ...place(root.ftype.startsWith("disk") ? "disk" : "rootfs", root),
    });
  }
  return withTwins(items);
}
