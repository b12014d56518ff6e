import type { BlobReader } from "../store.ts";
import { type Ground, orMissing } from "./ground.ts";
import { isWriter, parseIncomingName } from "./incoming-names.ts";

/** Opens a file that is being written, or that got its name a moment ago. `location`: `<writer>/<name>`, as its sink says. */
export async function openGrowing(
  { disk, layout }: Ground,
  location: string,
  size: number,
): Promise<BlobReader | undefined> {
  const [writer = "", name = "", ...more] = location.split("/");
  const parsed = parseIncomingName(name);
  // The location came from another process: nothing but a writer's file is opened.
  if (more.length > 0 || !isWriter(writer) || parsed.kind !== "expected") return undefined;
  const { sha256 } = parsed;
  const folder = `${layout.incoming}/${writer}`;
  const fd =
    (await orMissing(disk.open(`${folder}/${name}`, "read"))) ??
    (await orMissing(disk.open(`${folder}/${sha256}`, "read")));
  if (fd === undefined) return undefined;
  return {
    sha256,
    size,
    read: (buffer, position) => disk.read(fd, buffer, position),
    close: () => disk.close(fd),
  };
}
