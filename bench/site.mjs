import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const CHUNK = 4 * 1024 * 1024;

/**
 * A store with one image file of `bytes` and a products file of 1.7 MB, and beside it the same two as files for nginx, under the same
 * paths. The image file is one file with two names, so that both servers read the same pages.
 */
export async function makeSite({ dist, folder, bytes }) {
  const load = (path) => import(pathToFileURL(join(dist, path)));
  const { openDirectoryStore } = await load("store/directory/open.js");
  const { commit } = await load("store/commit.js");
  const { ensureCertificate } = await load("server/certificate.js");
  await rm(folder, { recursive: true, force: true });
  const data = join(folder, "data");
  const root = join(folder, "www");
  await mkdir(join(root, "images", "bench"), { recursive: true });
  await mkdir(join(root, "streams", "v1"), { recursive: true });
  const store = await openDirectoryStore(data, { create: true });
  await ensureCertificate(join(data, "tls"), ["localhost"]);
  const writer = await store.writer("bench");
  const item = await stageRandom(writer, bytes);
  const products = Buffer.from(JSON.stringify(productsFile(item)));
  const zipped = gzipSync(products, { level: 9 });
  const documents = {
    "streams/v1/images.json": { ...(await writer.put(zipped)), encoding: "gzip", type: "application/json" },
  };
  documents["images/streams/v1/images.json"] = documents["streams/v1/images.json"];
  await commit(store, writer, () => ({
    reason: { verb: "add", text: "bench" },
    rules: 1,
    streams: [{ name: "images", origin: "own", products: ["images/streams/v1/images.json"], hidden: [] }],
    documents,
    blobs: [item.sha256],
  }));
  await writer.close();
  const blob = join(data, "blobs", item.sha256.slice(0, 2), item.sha256);
  await link(blob, join(root, "images", "bench", "root.squashfs"));
  await writeFile(join(root, "streams", "v1", "images.json"), products);
  await writeFile(join(root, "streams", "v1", "images.json.gz"), zipped);
  await warm(blob);
  return {
    data,
    root,
    certificate: join(data, "tls", "server.pem"),
    itemPath: "/images/bench/root.squashfs",
    documentPath: "/streams/v1/images.json",
    documentBytes: zipped.byteLength,
  };
}

/** Reads the file once, so that both servers find it in the page cache. */
async function warm(file) {
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK })) void chunk;
}

async function stageRandom(writer, bytes) {
  const sink = await writer.create();
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; ) {
    const chunk = randomBytes(Math.min(CHUNK, left));
    hash.update(chunk);
    await sink.write(chunk);
    left -= chunk.byteLength;
  }
  const sha256 = hash.digest("hex");
  await sink.commit({ sha256, size: bytes });
  return { sha256, size: bytes };
}

/** About as large as what images.linuxcontainers.org lists. The first item is the one that is downloaded. */
function productsFile(item) {
  const products = {};
  for (let number = 0; number < 430; number++) {
    const versions = {};
    for (let day = 10; day < 13; day++) {
      const hash = (name) => createHash("sha256").update(`${name} ${number} ${day}`).digest("hex");
      const path = `bench/${number}/amd64/default/202601${day}_0742`;
      const meta = {
        path: `${path}/incus.tar.xz`,
        sha256: hash("meta"),
        size: 700,
        combined_sha256: hash("combined"),
        combined_rootxz_sha256: hash("rootxz"),
        combined_squashfs_sha256: hash("squashfs"),
      };
      versions[`202601${day}_0742`] = {
        items: {
          "incus.tar.xz": { ftype: "incus.tar.xz", ...meta },
          "lxd.tar.xz": { ftype: "lxd.tar.xz", ...meta },
          squashfs: {
            ftype: "squashfs",
            path: `${path}/root.squashfs`,
            sha256: hash("root"),
            size: 90_000_000,
          },
        },
      };
    }
    products[`bench:${number}:default:amd64`] = {
      arch: "amd64",
      os: "Bench",
      release: String(number),
      release_title: String(number),
      variant: "default",
      aliases: `bench/${number},bench/${number}/default`,
      versions,
    };
  }
  products["bench:file:default:amd64"] = {
    arch: "amd64",
    versions: {
      "20260101_0000": { items: { root: { path: "bench/root.squashfs", ftype: "squashfs", ...item } } },
    },
  };
  return { format: "products:1.0", datatype: "image-downloads", content_id: "images", products };
}
