import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import tar from "tar-stream";

const VERSIONS_EACH = 10;

/** A simplestreams tree with this many versions, ten to a product, every file with bytes of its own. */
export async function writeTree(folder, versions) {
  const products = {};
  for (let number = 0; number < versions; number++) {
    const release = String(Math.floor(number / VERSIONS_EACH));
    const key = `bench:${release}:default:amd64`;
    products[key] ??= { arch: "amd64", os: "bench", release, variant: "default", aliases: "", versions: {} };
    const minute = String(number % VERSIONS_EACH).padStart(2, "0");
    products[key].versions[`20260101_00${minute}`] = { items: await writeBuild(folder, number) };
  }
  mkdirSync(join(folder, "streams/v1"), { recursive: true });
  const entry = {
    datatype: "image-downloads",
    format: "products:1.0",
    path: "streams/v1/images.json",
    products: Object.keys(products),
  };
  writeFileSync(join(folder, "streams/v1/images.json"), JSON.stringify({ format: "products:1.0", products }));
  writeFileSync(
    join(folder, "streams/v1/index.json"),
    JSON.stringify({ format: "index:1.0", index: { images: entry } }),
  );
}

async function writeBuild(folder, number) {
  const metadata = gzipSync(await metadataTar(number));
  const root = squashfs(number);
  const place = `images/${number}`;
  mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(join(folder, place, "incus.tar.xz"), metadata);
  writeFileSync(join(folder, place, "rootfs.squashfs"), root);
  const combined_squashfs_sha256 = sha256(metadata, root);
  return {
    "incus.tar.xz": {
      ftype: "incus.tar.xz",
      path: `${place}/incus.tar.xz`,
      size: metadata.length,
      sha256: sha256(metadata),
      combined_squashfs_sha256,
    },
    squashfs: {
      ftype: "squashfs",
      path: `${place}/rootfs.squashfs`,
      size: root.length,
      sha256: sha256(root),
    },
  };
}

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function metadataTar(number) {
  const pack = tar.pack();
  pack.entry({ name: "metadata.yaml" }, `architecture: x86_64\ncreation_date: ${1767225600 + number}\n`);
  pack.finalize();
  return new Promise((resolve, reject) => {
    const chunks = [];
    pack.on("data", (chunk) => chunks.push(chunk));
    pack.on("end", () => resolve(Buffer.concat(chunks)));
    pack.on("error", reject);
  });
}

function squashfs(number) {
  const image = Buffer.alloc(4096);
  image.write("hsqs", 0, "latin1");
  image.writeUInt32LE(131_072, 12);
  image.writeUInt16LE(6, 20);
  image.writeUInt16LE(17, 22);
  image.writeUInt16LE(4, 28);
  image.writeBigUInt64LE(4096n, 40);
  image.fill(0xff, 48, 96);
  image.write(`build ${number}`, 96);
  return image;
}
