import type { Sha256 } from "../store.ts";
import { errnoOf } from "./disk.ts";
import { deleteIfThere, type Ground, listIfThere } from "./ground.ts";
import { parseIncomingName } from "./incoming-names.ts";

/** What dead writers of one job left in their folders. */
export class Heritage {
  readonly finished = new Map<Sha256, string>();
  readonly partials = new Map<Sha256, string[]>();
  readonly #folders: readonly string[];

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  static async of({ disk, layout }: Ground, writers: readonly string[]): Promise<Heritage> {
    const heritage = new Heritage(writers.map((name) => `${layout.incoming}/${name}`));
    for (const folder of heritage.#folders) {
      for (const name of await listIfThere(disk, folder)) {
        const parsed = parseIncomingName(name);
        const path = `${folder}/${name}`;
        if (parsed.kind === "finished") heritage.finished.set(parsed.sha256, path);
        else if (parsed.kind !== "other") {
          heritage.partials.set(parsed.sha256, [...(heritage.partials.get(parsed.sha256) ?? []), path]);
        }
      }
    }
    return heritage;
  }

  /** Deletes what was taken over. Unfinished files that nobody continued stay for a later try. */
  async clear(ground: Ground): Promise<void> {
    for (const folder of this.#folders) await emptyFolder(ground, folder, { keepsPartials: true });
  }
}

/** Deletes a writer's folder with what is in it, except for files that a later try can continue. Never throws: leftovers go after a week. */
export async function emptyFolder(
  { disk }: Ground,
  folder: string,
  { keepsPartials = false }: { readonly keepsPartials?: boolean } = {},
): Promise<void> {
  try {
    for (const name of await listIfThere(disk, folder)) {
      const { kind } = parseIncomingName(name);
      if (kind !== "left" && !(keepsPartials && kind === "expected"))
        await deleteIfThere(disk, `${folder}/${name}`);
    }
    await disk.rmdir(folder);
  } catch (error) {
    // Not empty: something is left on purpose. Anything else: what is published is published.
    if (errnoOf(error) === undefined) return;
  }
}
