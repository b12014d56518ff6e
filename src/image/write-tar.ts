import { pack } from "tar-stream";

/** A member to write. Owner is root, and the time is the archive's. */
export interface NewMember {
  /** Relative; a folder's name ends in `/`. */
  readonly name: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  readonly linkTo?: string;
}

/** A tar archive whose bytes depend on nothing but the arguments. `seconds` is the time of all members, since 1970. */
export async function writeTar(members: readonly NewMember[], seconds: number): Promise<Buffer> {
  const archive = pack();
  for (const { name, mode, content, linkTo } of members) {
    const mtime = new Date(seconds * 1000);
    if (linkTo !== undefined) archive.entry({ name, mode, mtime, type: "symlink", linkname: linkTo });
    else if (name.endsWith("/")) archive.entry({ name, mode, mtime, type: "directory" });
    else archive.entry({ name, mode, mtime, type: "file" }, Buffer.from(content ?? []));
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
