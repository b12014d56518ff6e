import { existsSync } from "node:fs";
import type { Store } from "../store/store.ts";
import { type GlobalOptions, notice } from "./context.ts";
import { dataFolder } from "./data-folder.ts";
import type { Io } from "./io.ts";

/** The store the options mean, for a command that only looks. */
export async function storeToRead(io: Io, options: GlobalOptions): Promise<Store> {
  const { openStore } = await import("../compose.ts");
  return openStore(dataFolder(io, options));
}

/** The same for a command that writes lists elsewhere, which are signed as those of a publication are. */
export async function storeToExport(io: Io, options: GlobalOptions): Promise<Store> {
  const { openStore } = await import("../compose.ts");
  const { signingOf } = await import("./signing.ts");
  return openStore(dataFolder(io, options), await signingOf(io, options));
}

/** The store the options mean, for a command that changes it: says which one that is. */
export async function storeToChange(io: Io, options: GlobalOptions): Promise<Store> {
  const store = await storeToExport(io, options);
  notice(io, options, `store: ${store.name}`);
  return store;
}

/** The store as it is, or an empty one for the time being when there is none: for saying what would be. */
export async function storeToTry(
  io: Io,
  options: GlobalOptions,
): Promise<{ readonly store: Store; readonly name: string; readonly remove: () => Promise<void> }> {
  const folder = dataFolder(io, options);
  if (existsSync(folder)) {
    return { store: await storeToChange(io, options), name: folder, remove: async () => undefined };
  }
  const { openScratchStore } = await import("../compose.ts");
  notice(io, options, `store: ${folder} (not there yet)`);
  return { ...(await openScratchStore()), name: folder };
}

/** The store the options mean, made when it is not there yet: says which one that is. */
export async function storeToFill(io: Io, options: GlobalOptions): Promise<Store> {
  const { openOrMakeStore } = await import("../compose.ts");
  const { signingOf } = await import("./signing.ts");
  const store = await openOrMakeStore(dataFolder(io, options), await signingOf(io, options));
  notice(io, options, `store: ${store.name}`);
  return store;
}
