import type { Store } from "../store/store.ts";
import { type GlobalOptions, notice } from "./context.ts";
import { dataFolder } from "./data-folder.ts";
import type { Io } from "./io.ts";

/** The store the options mean, for a command that only looks. */
export async function storeToRead(io: Io, options: GlobalOptions): Promise<Store> {
  const { openStore } = await import("../compose.ts");
  return openStore(dataFolder(io, options));
}

/** The store the options mean, for a command that changes it: says which one that is. */
export async function storeToChange(io: Io, options: GlobalOptions): Promise<Store> {
  const store = await storeToRead(io, options);
  notice(io, options, `store: ${store.name}`);
  return store;
}

/** The same, made when it is not there yet. */
export async function storeToFill(io: Io, options: GlobalOptions): Promise<Store> {
  const { openOrMakeStore } = await import("../compose.ts");
  const store = await openOrMakeStore(dataFolder(io, options));
  notice(io, options, `store: ${store.name}`);
  return store;
}
