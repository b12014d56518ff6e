import { readStreams } from "../publish/read-streams.ts";
import type { Store } from "../store/store.ts";
import type { ImageStream } from "../views/image-stream.ts";

/** What the newest generation lists; nothing in an empty store. */
export async function readImages(store: Store): Promise<readonly ImageStream[]> {
  return readStreams(store, await store.newest());
}
