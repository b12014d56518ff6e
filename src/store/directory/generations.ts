import { randomBytes } from "node:crypto";

import { HeadwaterError } from "../../error.ts";
import { encodeGeneration, parseGeneration } from "../generation-file.ts";
import type { Generation } from "../generation.ts";
import type { Store } from "../store.ts";
import { errnoOf } from "./disk.ts";
import {
  createWhole,
  deleteIfThere,
  type Ground,
  listIfThere,
  readWhole,
  statIfThere,
  syncFolder,
} from "./ground.ts";
import { numberIn } from "./layout.ts";

type Generations = Pick<Store, "newest" | "generation" | "createIfAbsent">;

export function directoryGenerations(ground: Ground): Generations {
  const { disk, layout } = ground;
  let latest: Generation | undefined;

  const generation = async (number: number): Promise<Generation | undefined> => {
    if (latest?.number === number) return latest;
    const path = layout.generation(number);
    const bytes = await readWhole(disk, path);
    return bytes === undefined ? undefined : parseGeneration(bytes, path);
  };

  const highest = async (): Promise<number> => {
    const names = await listIfThere(disk, layout.generations);
    return names.reduce((most, name) => Math.max(most, numberIn(name, ".json") ?? 0), 0);
  };

  /** The folder is listed once; after that one look for the next number is enough, since numbers have no gaps. */
  const newest = async (): Promise<Generation | undefined> => {
    let number = latest?.number ?? (await highest());
    while ((await statIfThere(disk, layout.generation(number + 1))) !== undefined) number += 1;
    if (number === 0) return undefined;
    const found = await generation(number);
    if (found !== undefined && found.number >= (latest?.number ?? 0)) latest = found;
    return found;
  };

  /** True when the name was free. The bytes are synced before they have it, the folder before anybody is told. */
  const link = async (wanted: Generation): Promise<boolean> => {
    const temporary = `${layout.incoming}/${randomBytes(8).toString("hex")}.json`;
    try {
      await createWhole(ground, temporary, encodeGeneration(wanted));
      return await linkIfAbsent(ground, temporary, layout.generation(wanted.number));
    } finally {
      await forget(ground, temporary);
    }
  };

  const createIfAbsent: Store["createIfAbsent"] = async (wanted, options = {}) => {
    await ground.prepare();
    let created: boolean;
    try {
      created = await link(wanted);
    } catch (error) {
      const full = error instanceof HeadwaterError && error.code === "STORE_FULL";
      if (!full || options.freesSpace !== true || !(await deleteIfThere(disk, layout.reserve))) throw error;
      created = await link(wanted);
    }
    // Also after a loss: the winner may have died between its link and its sync, and this writer builds on it.
    await syncFolder(disk, layout.generations);
    return created || (await generation(wanted.number))?.id === wanted.id;
  };

  return { newest, generation, createIfAbsent };
}

async function linkIfAbsent({ disk }: Ground, from: string, to: string): Promise<boolean> {
  try {
    await disk.link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function forget({ disk }: Ground, temporary: string): Promise<void> {
  try {
    await deleteIfThere(disk, temporary);
  } catch {
    // The generation's fate is decided; a leftover of a kilobyte goes with the abandoned writers.
  }
}
