import type { BundleBase, BundleFile, BundleList } from "../../bundle/bundle-list.ts";
import type { Sha256 } from "../../store/store.ts";
import type { ChosenFile } from "./choose-images.ts";

/** The files of a new bundle: what an earlier one holds, itself or through those that it needs, is only named. */
export function filesSince(
  chosen: Iterable<ChosenFile>,
  earlier: BundleList | undefined,
): { readonly files: readonly BundleFile[]; readonly bases: readonly BundleBase[] } {
  const places = new Map<string, BundleFile>();
  const bytes = new Map<Sha256, { readonly path: string; readonly base?: string | undefined }>();
  for (const file of earlier?.files ?? []) {
    const base = file.base ?? earlier?.id;
    places.set(file.path, { ...file, base });
    if (file.link === undefined) bytes.set(file.sha256, { path: file.path, base });
  }
  const files: BundleFile[] = [];
  for (const { path, size, sha256 } of chosen) {
    const there = places.get(path);
    const known = bytes.get(sha256);
    if (there?.sha256 === sha256) files.push({ path, size, sha256, base: there.base });
    else if (known !== undefined)
      files.push({
        path,
        size,
        sha256,
        link: known.path,
        ...(known.base === undefined ? {} : { base: known.base }),
      });
    else {
      bytes.set(sha256, { path });
      files.push({ path, size, sha256 });
    }
  }
  const needed = new Set(files.map(({ base }) => base));
  const all =
    earlier === undefined ? [] : [...earlier.bases, { id: earlier.id, createdAt: earlier.createdAt }];
  return { files, bases: all.filter(({ id }) => needed.has(id)) };
}
