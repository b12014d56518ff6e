import { METADATA_TARBALL_LIMIT } from "../../image/archive.ts";
import { decoded } from "../../image/decompress.ts";
import type { ImageFile } from "../../image/image-file.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "../../image/magic.ts";
import { tarMembers } from "../../image/tar-members.ts";
import type { LxcParts } from "./metadata.ts";

/** Names of the files that LXC reads, with their variants for modes and levels (LXC templates/lxc-download.in, `relevant_file`). */
const PART = /^(?:config|fstab|excludes|templates|expiry|create-message)(?:-system|-user)?(?:\.[1-9])?$/;
const PART_LIMIT = 64 * 1024;

/** What the metadata tarball of an image has for LXC. `templates` of Incus and LXD is a folder, and no part. */
export async function broughtParts(file: ImageFile): Promise<LxcParts> {
  const magic = magicOf(await file.readExactly(0, Math.min(MAGIC_BYTES, file.size)));
  const bytes = decoded(file, isCompressed(magic) ? magic : "none", { maxBytes: METADATA_TARBALL_LIMIT });
  const parts = new Map<string, string>();
  for await (const { name, type, size, content } of tarMembers(bytes, { name: file.path })) {
    if (type !== "file" || size > PART_LIMIT || !PART.test(name)) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    parts.set(name, Buffer.concat(chunks).toString("utf8"));
  }
  return parts;
}
