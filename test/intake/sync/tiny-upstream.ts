import { createHash } from "node:crypto";
import { directTransfers } from "../../../src/intake/transfer/direct.ts";
import type { StreamPolicy } from "../../../src/intake/sync/stream-policy.ts";
import { type SyncOptions, syncUpstream } from "../../../src/intake/sync/sync-upstream.ts";
import { KEEP_ALL } from "../../../src/retention/policy.ts";
import type { SyncReport } from "../../../src/intake/sync/sync-report.ts";
import { readDocument } from "../../../src/store/documents.ts";
import { itemsOf } from "../../../src/store/items.ts";
import { openHttpUpstream } from "../../../src/upstream/http/http-upstream.ts";
import type { Store } from "../../../src/store/store.ts";
import type { HostileSite } from "../../upstream/hostile-site.ts";

export const INDEX = "streams/v1/index.json";
export const PRODUCTS = "streams/v1/images.json";

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface TinyVersion {
  readonly product?: string;
  readonly version: string;
  /** Of the root, in bytes. */
  readonly size?: number;
  /** A fingerprint that is not that of the files. */
  readonly lies?: boolean;
}

/** Paths of the two files of a version. */
export function pathsOf({ product = "busy", version }: TinyVersion): {
  readonly metadata: string;
  readonly root: string;
} {
  const base = `images/${product}/${version}`;
  return { metadata: `${base}/incus.tar.xz`, root: `${base}/root.squashfs` };
}

export function bytesOf(path: string, size = 3000): Buffer {
  return Buffer.from(`${path} `.repeat(Math.ceil(size / (path.length + 1)))).subarray(0, size);
}

/** The documents and files of an upstream with these versions. */
export function tinyUpstream(
  versions: readonly TinyVersion[],
  updated?: string,
): Map<string, Buffer | string> {
  const files = new Map<string, Buffer | string>();
  const products: Record<string, { versions: Record<string, object> }> = {};
  for (const one of versions) {
    const { product = "busy", version, size, lies = false } = one;
    const paths = pathsOf(one);
    const metadata = bytesOf(paths.metadata, 100);
    const root = bytesOf(paths.root, size);
    files.set(paths.metadata, metadata).set(paths.root, root);
    const combined = sha256(Buffer.concat(lies ? [root, metadata] : [metadata, root]));
    const described = {
      path: paths.metadata,
      sha256: sha256(metadata),
      size: metadata.length,
      combined_squashfs_sha256: combined,
    };
    const fields = { aliases: `${product}/1`, arch: "amd64", os: product, release: "1", release_title: "1" };
    const known = (products[product] ??= Object.assign(fields, { my_key: { kept: true }, versions: {} }));
    known.versions[version] = {
      items: {
        "incus.tar.xz": { ftype: "incus.tar.xz", ...described },
        root: { ftype: "squashfs", path: paths.root, sha256: sha256(root), size: root.length },
      },
    };
  }
  const head = {
    content_id: "images",
    datatype: "image-downloads",
    format: "products:1.0",
    ...(updated === undefined ? {} : { updated }),
  };
  const entry = {
    datatype: head.datatype,
    format: head.format,
    path: PRODUCTS,
    products: Object.keys(products),
  };
  files.set(PRODUCTS, JSON.stringify({ ...head, products }));
  files.set(
    INDEX,
    JSON.stringify({
      format: "index:1.0",
      ...(updated === undefined ? {} : { updated }),
      index: { images: entry },
    }),
  );
  return files;
}

/** Puts other contents on the site. What it had besides stays. */
export function put(site: HostileSite, files: ReadonlyMap<string, Buffer | string>): void {
  for (const [path, bytes] of files) site.set(path, bytes);
}

export const POLICY: Omit<StreamPolicy, "url"> = {
  name: "up",
  mode: "mirror",
  isPublic: true,
  aliasPrefix: "",
  twins: true,
  offline: false,
  signatures: "off",
  parallel: 3,
  believeOlderAfterMs: 6 * 60 * 60 * 1000,
};

/** Keeps the newest versions of each product, as `keep` of an upstream does. */
export function keepNewest(versions: number): Pick<StreamPolicy, "retention"> {
  return { retention: { ...KEEP_ALL, general: { versions }, text: `${versions}` } };
}

/** Syncs as the program does, without waiting between tries. */
export async function sync(
  store: Store,
  site: HostileSite,
  policy: Partial<StreamPolicy> = {},
  options: Partial<SyncOptions> = {},
): Promise<SyncReport> {
  const upstream = openHttpUpstream(
    { url: site.url, ...(site.ca === undefined ? {} : { ca: site.ca }) },
    "Headwater/test",
  );
  const wait = async (): Promise<void> => undefined;
  try {
    return await syncUpstream(
      { ...POLICY, url: site.url, ...policy },
      {
        store,
        upstream,
        openTransfers: (writer) => directTransfers({ store, writer, upstream, wait }),
        order: ["up"],
        wait,
        ...options,
      },
    );
  } finally {
    await upstream.close();
  }
}

/** The documents that clients get now, by path. */
export async function documentsOf(store: Store): Promise<Map<string, string>> {
  const generation = await store.newest();
  const texts = new Map<string, string>();
  for (const [path, record] of Object.entries(generation?.documents ?? {})) {
    texts.set(path, new TextDecoder().decode(await readDocument(store, record)));
  }
  return texts;
}

/** Paths of what is listed and held, and proof that each has the bytes that its hash says. */
export async function heldPaths(store: Store): Promise<string[]> {
  const generation = await store.newest();
  if (generation === undefined) return [];
  const held: string[] = [];
  for (const item of (await itemsOf(store, generation)).values()) {
    if (!item.isHeld) continue;
    const reader = await store.open(item.sha256);
    if (reader === undefined) throw new Error(`${item.path} is held and not there`);
    const bytes = Buffer.alloc(reader.size);
    await reader.read(bytes, 0);
    await reader.close();
    if (sha256(bytes) !== item.sha256 || bytes.length !== item.size)
      throw new Error(`${item.path} has other bytes`);
    held.push(item.path);
  }
  return held.sort();
}
