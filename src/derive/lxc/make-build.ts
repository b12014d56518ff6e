import { createHash } from "node:crypto";
import { HeadwaterError } from "../../error.ts";
import { bytesOf } from "../../image/file-bytes.ts";
import { fileOfReader } from "../../image/file-of-reader.ts";
import type { ImageFile } from "../../image/image-file.ts";
import { writeTar } from "../../image/write-tar.ts";
import type { Item } from "../../simplestreams/products.ts";
import { slug } from "../../simplestreams/slug.ts";
import type { Signer } from "../../store/signer.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { type LxcBuild, lxcFtypes, lxcNames } from "../../views/lxc-files.ts";
import { lxcNamesOf } from "../../views/lxc-index.ts";
import { broughtParts } from "./brought-parts.ts";
import { metadataMembers, secondsOf } from "./metadata.ts";
import type { LxcWork } from "./plan.ts";
import { makeRootfs, type MadeFile, stageXz, type Tools } from "./rootfs.ts";

/** Makes the files of one build and stages them; the listed items name them. */
export async function makeLxcBuild(store: Store, work: LxcWork, tools: Tools): Promise<LxcBuild> {
  const { product, version } = work;
  const files = work.made === undefined ? await makeFiles(store, work, tools) : filesOf(work.made);
  const signed =
    store.signer === undefined ? files : await withSignatures(store, { files, signer: store.signer, tools });
  const folder = folderOf(work, signed);
  const items = new Map(
    [...signed].map(([name, item]): [string, Item] => [name, { ...item, path: `${folder}/${name}` }]),
  );
  return { product, version, folder, items };
}

/** By name; the path follows when all are known. */
type Files = ReadonlyMap<string, Item & MadeFile>;

async function makeFiles(store: Store, work: LxcWork, tools: Tools): Promise<Files> {
  const { fields, version, root, metadata } = work;
  const brought = await withBlob(
    store,
    { sha256: metadata.sha256, name: nameOf(work, metadata) },
    broughtParts,
  );
  const rootfs = await withBlob(store, { sha256: root.sha256, name: nameOf(work, root) }, (file) =>
    makeRootfs({ file, item: root, templates: brought.templates }, tools),
  );
  const members = metadataMembers({ fields, version, facts: rootfs.facts, brought: brought.parts });
  const tar = await writeTar(members, secondsOf(version));
  const meta = await stageXz(once(tar), lxcNames.metadata, { ...tools, onBytes: undefined });
  const { sha256, size } = rootfs;
  return new Map([
    [lxcNames.metadata, { ftype: lxcFtypes.metadata, ...meta, made_from: metadata.sha256 }],
    [lxcNames.rootfs, { ftype: lxcFtypes.rootfs, sha256, size, made_from: root.sha256 }],
  ]);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function filesOf({ items }: LxcBuild): Files {
  const files = new Map<string, Item & MadeFile>();
  for (const name of [lxcNames.metadata, lxcNames.rootfs]) {
    const { path: _old, ...item } = items.get(name) ?? {};
    files.set(name, { ...item, sha256: item.sha256 ?? "", size: item.size ?? 0 });
  }
  return files;
}

/** LXC before 4.0.12 checks an armoured signature beside each file. */
async function withSignatures(
  store: Store,
  { files, signer, tools }: { readonly files: Files; readonly signer: Signer; readonly tools: Tools },
): Promise<Files> {
  const signed = new Map(files);
  for (const [name, { sha256, made_from }] of files) {
    const text = await withBlob(store, { sha256, name, writer: tools.writer }, (file) =>
      signer.signArmored(bytesOf(file, { signal: tools.signal })),
    );
    const stored = await tools.writer.put(Buffer.from(text));
    const said = made_from === undefined ? {} : { made_from };
    signed.set(`${name}.asc`, { ftype: lxcFtypes.signature, ...stored, ...said, key: signer.fingerprint });
  }
  return signed;
}

/** Where the files lie, below the image stream. The digits are of all of them: what was published under a path never changes. */
function folderOf({ fields, version }: LxcWork, files: Files): string {
  const hash = createHash("sha256");
  for (const { sha256 } of files.values()) hash.update(sha256);
  const build = `${slug(version)}-${hash.digest("hex").slice(0, 8)}`;
  return ["lxc", ...lxcNamesOf(fields), build].join("/");
}

interface Blob {
  readonly sha256: Sha256;
  /** For messages. */
  readonly name: string;
  /** Who may have staged it. */
  readonly writer?: Tools["writer"];
}

async function withBlob<T>(
  store: Store,
  { sha256, name, writer }: Blob,
  use: (file: ImageFile) => Promise<T>,
): Promise<T> {
  const reader = writer?.has(sha256) === true ? await writer.open(sha256) : await store.open(sha256);
  if (reader === undefined) throw incomplete(name, "its bytes are not in the store");
  try {
    return await use(
      fileOfReader(name, reader, () => incomplete(name, "its bytes in the store end too early")),
    );
  } finally {
    await reader.close();
  }
}

function nameOf({ stream }: LxcWork, { path = "" }: Item): string {
  return `${stream}/${path}`;
}

function incomplete(name: string, what: string): HeadwaterError {
  return new HeadwaterError("BLOB_MISSING", `${name} is listed, and ${what}`, {
    hint: "`headwater verify --repair` takes damaged images off the lists.",
  });
}
