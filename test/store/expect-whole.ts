import { expect } from "vitest";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { numbersOf } from "../../src/store/keeps.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { contentOf } from "../contract/store.ts";
import type { ModelDisk } from "./model-disk.ts";
import { addText, hashOf, listedBy } from "./tiny-images.ts";

/** Promise 4: what is there afterwards is whole, and the next start needs no repair. */
export async function expectWhole(disk: ModelDisk, acknowledged: number): Promise<void> {
  const store = await openDirectoryStore("/data", { create: true, disk, runsAsRoot: false });
  const newest = await store.newest();
  expect(newest?.number ?? 0).toBeGreaterThanOrEqual(acknowledged);
  if (newest !== undefined) {
    for (const number of [...numbersOf(newest.keeps), newest.number]) {
      const generation = await store.generation(number);
      if (generation === undefined) throw new Error(`generation ${number} is kept, and gone`);
      for (const sha256 of await namedBlobs(store, [generation])) {
        const bytes = await contentOf(store, sha256);
        if (bytes === undefined) throw new Error(`generation ${number} is kept, and its ${sha256} is gone`);
        expect(hashOf(Buffer.from(bytes).toString())).toBe(sha256);
      }
    }
  }
  await addText(store, "afterwards");
  expect(await listedBy(store, await store.newest())).toContain(hashOf("afterwards"));
}
