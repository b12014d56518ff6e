import { addFiles } from "../../src/intake/files/add-files.ts";
import type { BuildWishes } from "../../src/intake/files/name-build.ts";
import { readStreams } from "../../src/publish/read-streams.ts";
import type { Store } from "../../src/store/store.ts";
import { type ImageRow, imageRows } from "../../src/views/image-rows.ts";
import { temporaryFolder, writeTinyContainer } from "../image/tiny-image.ts";

/** Adds a tiny container through the ordinary way in; the salt makes its bytes its own. Returns its fingerprint. */
export async function addTiny(store: Store, salt: string, wishes: BuildWishes = {}): Promise<string> {
  const folder = await temporaryFolder();
  try {
    const { metadata, root } = await writeTinyContainer(folder.path, { salt });
    const added = await addFiles(store, [metadata, root], wishes);
    return added.listed.fingerprints[0] ?? "";
  } finally {
    await folder.remove();
  }
}

/** Everything the newest generation lists. */
export async function listed(store: Store): Promise<ImageRow[]> {
  return imageRows(await readStreams(store, await store.newest()));
}
