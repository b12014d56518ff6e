import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Scene } from "./actors.ts";
import { ModelDisk } from "./model-disk.ts";
import { stepped } from "./steps.ts";

/** Everybody uses one memory store, whose methods are single steps. */
export async function inMemory(): Promise<Scene> {
  const observer = createMemoryStore();
  return { observer, storeOf: async (turn) => stepped(observer, turn, ["has"]) };
}

/** Every process has opened the same folder, and every call to the disk is a step. */
export async function inFolder(disk = new ModelDisk()): Promise<Scene> {
  const observer = await openDirectoryStore("/data", { create: true, disk, runsAsRoot: false });
  return {
    observer,
    storeOf: (turn) => openDirectoryStore("/data", { disk: stepped(disk, turn), runsAsRoot: false }),
  };
}
