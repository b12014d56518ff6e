import { HeadwaterError } from "../../error.ts";
import { METADATA_TARBALL_LIMIT } from "../../image/archive.ts";
import { decoded } from "../../image/decompress.ts";
import type { ImageFile } from "../../image/image-file.ts";
import { isCompressed, MAGIC_BYTES, magicOf } from "../../image/magic.ts";
import { tarMembers } from "../../image/tar-members.ts";
import { quoted } from "../../simplestreams/printable.ts";
import type { LxcParts } from "./metadata.ts";

/** Names of the files that LXC reads, with their variants for modes and levels (LXC templates/lxc-download.in, `relevant_file`). */
const PART = /^(config|fstab|excludes|templates|expiry|create-message)(?:-system|-user)?(?:\.[1-9])?$/;
const PART_LIMIT = 64 * 1024;

export interface Brought {
  /** All but the templates. */
  readonly parts: LxcParts;
  /**
   * The files that LXC is to replace words in, as members of the root. It follows links there, out of the root too: what becomes of
   * them is for whoever sees the root.
   */
  readonly templates: ReadonlySet<string>;
}

/**
 * What the metadata tarball of an image has for LXC. `templates` of Incus and LXD is a folder, and no part.
 * @throws FILE_UNSUPPORTED for what would reach the host that a container is created on
 */
export async function broughtParts(file: ImageFile): Promise<Brought> {
  const magic = magicOf(await file.readExactly(0, Math.min(MAGIC_BYTES, file.size)));
  const bytes = decoded(file, isCompressed(magic) ? magic : "none", { maxBytes: METADATA_TARBALL_LIMIT });
  const parts = new Map<string, string>();
  const templates = new Set<string>();
  for await (const { name, type, size, content } of tarMembers(bytes, { name: file.path })) {
    const kind = PART.exec(name)?.[1];
    if (type !== "file" || kind === undefined) continue;
    if (size > PART_LIMIT) throw refused(file, name, `it has more than ${PART_LIMIT} bytes`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    const found = unharmless(kind, text);
    if (found !== undefined) throw refused(file, name, found);
    if (kind !== "templates") parts.set(name, text);
    else for (const line of text.split("\n")) if (line.trim() !== "") templates.add(memberName(line));
  }
  return { parts, templates };
}

/**
 * What each line may be. `lxc-create` and `lxc-start` obey these files as the user who calls them, mostly root, and Incus and LXD obey
 * nothing of the kind: who made an image for those must not get a host by it. A line of `config` can name a program to run (`lxc.hook.*`) or
 * a folder of the host to mount, as each line of `fstab` does; one of `excludes` becomes words of tar's command line, and tar runs programs;
 * one of `templates` names a file to rewrite. All images of images.linuxcontainers.org keep to this (lxc-ci at 77eeb22, images/).
 */
const LINES: Readonly<Record<string, RegExp>> = {
  config:
    /^(?:#.*|lxc\.arch\s*=\s*\w+|lxc\.include\s*=\s*LXC_TEMPLATE_CONFIG\/(?:[a-z0-9-]+\.)?(?:common|userns)\.conf)$/,
  fstab: /^#.*$/,
  excludes: /^[\w./+:@*?[\]-]+$/,
  templates: /^(?!.*\.\.)[\w./+:@-]+$/,
  expiry: /^\d{1,12}$/,
  "create-message": /^.*$/,
};

function memberName(path: string): string {
  const parts = path.trim().split("/");
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}

function unharmless(kind: string, text: string): string | undefined {
  // The message goes to a terminal as it is.
  if (/[^\P{Cc}\t\n]/u.test(text)) return "it has control characters";
  const allowed = LINES[kind];
  const lines = text.split("\n").map((line) => line.trim());
  const bad = lines.find((line) => line !== "" && allowed?.test(line) !== true);
  return bad === undefined
    ? undefined
    : `its line ${quoted(bad)} could do something to the host of a container`;
}

function refused(file: ImageFile, name: string, why: string): HeadwaterError {
  return new HeadwaterError("FILE_UNSUPPORTED", `${file.path} brings ${quoted(name)} for LXC, and ${why}`, {
    hint: "Take that out of the metadata tarball. What a container needs besides goes into its own configuration, on its host.",
  });
}
