import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import type { Store } from "../store.ts";
import { createFile, deleteIfThere, ensureFolder, type Ground, readWhole } from "./ground.ts";

const NAME = /^[a-z0-9][a-z0-9-]*(?:\/[a-z0-9][a-z0-9-]*)?$/;

/** Notes are files in `state/`. Nothing depends on them, so nothing is synced and nothing fails. */
export function directoryNotes(ground: Ground): Pick<Store, "readNote" | "writeNote"> {
  const { disk, layout } = ground;
  const pathOf = (name: string): string | undefined =>
    NAME.test(name) ? `${layout.state}/${name}.note` : undefined;
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
      const temporary = `${path}.${randomBytes(6).toString("hex")}`;
      try {
        await ground.prepare();
        if (dirname(path) !== layout.state) await ensureFolder(ground, dirname(path));
        const fd = await createFile(ground, temporary);
        try {
          await disk.write(fd, new TextEncoder().encode(text), 0);
        } finally {
          await disk.close(fd);
        }
        await disk.rename(temporary, path);
      } catch {
        await deleteIfThere(disk, temporary).catch(() => false);
      }
    },
  };
}
