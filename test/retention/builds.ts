import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Item, Product, ProductsFile, Version } from "../../src/simplestreams/products.ts";
import { renderIndex, renderProducts } from "../../src/simplestreams/render.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import type { ModelVersion } from "./oracle.ts";

/** Versions that differ in their names and sizes, as documents and bytes. A product's metadata is one file for all its versions. */

export interface BuildName {
  readonly product: string;
  /** Of January 2026. */
  readonly day: number;
}

export function versionOf(day: number): string {
  return `202601${String(day).padStart(2, "0")}_0000`;
}

export function bytesOf(name: string, size: number): Buffer {
  return Buffer.from(`${name} `.repeat(Math.ceil(size / (name.length + 1)))).subarray(0, size);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Every third build has a delta from the one of the day before, whether that is listed or not. */
export function buildOf(stream: string, { product, day }: BuildName): Omit<ModelVersion, "isPinned"> {
  const version = versionOf(day);
  const file = (name: string, size: number) => ({ name: `${stream}/${product}/${name}`, size });
  const delta = day % 3 === 0 ? { file: file(`${version}.delta`, 30), base: versionOf(day - 1) } : undefined;
  return {
    product,
    version,
    files: [file("meta", 40), file(`${version}.root`, 100 + day)],
    delta,
    supportEol: product === "b" ? "2026-01-10" : undefined,
  };
}

export function versionContent({ files, delta }: Pick<ModelVersion, "files" | "delta">): Version {
  const items = new Map<string, Item>();
  const [meta, root] = files.map(({ name, size }) => ({ name, bytes: bytesOf(name, size) }));
  if (meta === undefined || root === undefined) throw new Error("two files make an image");
  const described = ({ name, bytes }: { name: string; bytes: Buffer }) => ({
    path: name,
    sha256: sha256(bytes),
    size: bytes.length,
  });
  items.set("incus.tar.xz", {
    ftype: "incus.tar.xz",
    ...described(meta),
    combined_squashfs_sha256: sha256(Buffer.concat([meta.bytes, root.bytes])),
  });
  items.set("root.squashfs", { ftype: "squashfs", ...described(root) });
  if (delta !== undefined) {
    const { name, size } = delta.file;
    const ftype = "squashfs.vcdiff";
    items.set("delta", { ftype, ...described({ name, bytes: bytesOf(name, size) }), delta_base: delta.base });
  }
  return { items };
}

export function productOf(name: string, supportEol: string | undefined): Omit<Product, "versions"> {
  const fields = { os: name, release: "1", release_title: "1", arch: "amd64", variant: "default" };
  return {
    ...fields,
    aliases: `${name}/1`,
    ...(supportEol === undefined ? {} : { support_eol: supportEol }),
  };
}

export function productsFileOf(builds: readonly Omit<ModelVersion, "isPinned">[]): ProductsFile {
  const products = new Map<string, Product>();
  for (const build of builds) {
    const known = products.get(build.product);
    const versions = new Map(known?.versions).set(build.version, versionContent(build));
    products.set(build.product, { ...productOf(build.product, build.supportEol), versions });
  }
  return { content_id: "images", datatype: "image-downloads", format: "products:1.0", products };
}

/** An upstream without a network. */
export function upstreamOf(builds: readonly Omit<ModelVersion, "isPinned">[]): Upstream {
  const file = productsFileOf(builds);
  const path = "streams/v1/images.json";
  const entry = {
    datatype: "image-downloads",
    format: "products:1.0",
    path,
    products: [...file.products.keys()],
  };
  const documents = new Map([
    ["streams/v1/index.json", renderIndex({ format: "index:1.0", index: new Map([["images", entry]]) })],
    [path, renderProducts(file)],
  ]);
  const sizes = new Map(
    builds.flatMap(({ files, delta }) =>
      [...files, ...(delta === undefined ? [] : [delta.file])].map(({ name, size }) => [name, size] as const),
    ),
  );
  return {
    url: "https://up.example",
    document: async (wanted) => {
      const text = documents.get(wanted);
      if (text === undefined) return { kind: "absent", status: 404 };
      return { kind: "fresh", bytes: Buffer.from(text), validators: {} };
    },
    item: async (wanted) => {
      const size = sizes.get(wanted);
      if (size === undefined) throw new Error(`asked for ${wanted}, which is not listed`);
      return { from: 0, size, validators: {}, body: Readable.from([bytesOf(wanted, size)]) };
    },
    close: async () => undefined,
  };
}
