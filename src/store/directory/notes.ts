import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { isNoteName } from "../note-name.ts";
import type { Store } from "../store.ts";
import { createWhole, deleteIfThere, ensureFolder, type Ground, readWhole } from "./ground.ts";

/** Notes are files in `state/`. Nothing depends on them, so nothing fails; synced, so that one is whole or not there. */
export function directoryNotes(ground: Ground): Pick<Store, "readNote" | "writeNote"> {
  const { disk, layout } = ground;
  const pathOf = (name: string): string | undefined =>
    isNoteName(name) ? `${layout.state}/${name}.note` : undefined;
  return {
    readNote: async (name) => {
      const path = pathOf(name);
      try {
        const bytes = path === undefined ? undefined : await readWhole(disk, path);
        return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
      } catch {
        // A note that cannot be read is a note that is not there.
        return undefined;
      }
    },

    writeNote: async (name, text) => {
      const path = pathOf(name);
      if (path === undefined) return;
      const temporary = `${layout.incoming}/.note-${randomBytes(6).toString("hex")}`;
      try {
        await ground.prepare();
        if (dirname(path) !== layout.state) await ensureFolder(ground, dirname(path));
        await createWhole(ground, temporary, new TextEncoder().encode(text));
        await disk.rename(temporary, path);
      } catch {
        await deleteIfThere(disk, temporary).catch(() => false);
      }
    },
  };
}
