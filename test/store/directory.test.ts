import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { storeContract } from "../contract/store.ts";

storeContract("directory", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-store-"));
  return {
    store: await openDirectoryStore(folder, { create: true }),
    another: () => openDirectoryStore(folder),
    remove: () => rm(folder, { recursive: true }),
  };
});
