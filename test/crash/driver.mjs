/**
 * One process that writes to a store, for tests that kill it: node driver.mjs <store> <task> [arguments]. It uses the compiled
 * program and says on stdout what it was told is published.
 *
 *   add <prefix> <count>   adds that many images of random size; "published <number> <sha256>" for each
 *   prune <graceMs>        prunes for ever
 *   build <count>          adds that many versions of one product; "published <number> <sha256 of the root>" for each
 *   retain <graceMs>       keeps two versions and what is pinned, and prunes, for ever; pins and unpins generations on the way
 */
import { createHash, randomBytes } from "node:crypto";

import { changePins } from "../../dist/curate/change-pins.js";
import { retain } from "../../dist/curate/retain.js";
import { publish } from "../../dist/publish/publish.js";
import { KEEP_ALL } from "../../dist/retention/policy.js";
import { commit } from "../../dist/store/commit.js";
import { openDirectoryStore } from "../../dist/store/directory/open.js";
import { listedItems, productsRecord } from "../../dist/store/items.js";
import { prune } from "../../dist/store/prune.js";
import { withOwnStream } from "../../dist/views/image-stream.js";

const PRODUCTS = "images/streams/v1/images.json";
const [folder, task, ...rest] = process.argv.slice(2);
const store = await openDirectoryStore(folder, { create: true });

async function listedBy(base) {
  const [stream] = base?.streams ?? [];
  if (stream === undefined) return [];
  const items = await listedItems(store, productsRecord(base, stream, PRODUCTS));
  return items.map(({ fields }) => ({ sha256: fields.sha256, size: fields.size }));
}

async function add(writer, image) {
  return commit(store, writer, async (base) => {
    const images = [...(await listedBy(base)), image];
    const items = Object.fromEntries(
      images.map(({ sha256, size }) => [sha256, { ftype: "squashfs", path: sha256, sha256, size }]),
    );
    const text = JSON.stringify({ products: { p: { versions: { 20260101_0000: { items } } } } });
    const document = await writer.put(Buffer.from(text));
    return {
      reason: { verb: "add", text: image.sha256 },
      rules: 1,
      streams: [{ name: "images", origin: "own", products: [PRODUCTS], hidden: [] }],
      documents: { [PRODUCTS]: { ...document, encoding: "identity", type: "application/json" } },
      blobs: images.map(({ sha256 }) => sha256),
    };
  });
}

async function stage(writer, prefix) {
  const sink = await writer.create();
  const hash = createHash("sha256");
  let size = 0;
  const write = async (bytes) => {
    hash.update(bytes);
    size += bytes.byteLength;
    await sink.write(bytes);
  };
  await write(Buffer.from(prefix));
  for (let left = 1 + Math.floor(Math.random() * 8); left > 0; left--) await write(randomBytes(64 * 1024));
  const image = { sha256: hash.digest("hex"), size };
  await sink.commit(image);
  return image;
}

/** A version named by when it is published, so that each is newer than the one before. */
async function build(writer) {
  const bytes = [randomBytes(400), randomBytes(1 + Math.floor(Math.random() * 500_000))];
  const [metadata, root] = [await writer.put(bytes[0]), await writer.put(bytes[1])];
  const combined = createHash("sha256").update(bytes[0]).update(bytes[1]).digest("hex");
  return publish(store, writer, (streams) => {
    const streamsAfter = withOwnStream(streams, (file) => {
      const product = file.products.get("p") ?? { os: "p", release: "1", arch: "amd64", aliases: "p/1" };
      const versions = new Map(product.versions);
      const last = Math.max(0, ...[...versions.keys()].map((name) => Number(name.slice(9))));
      const name = `20260101_${String(last + 1).padStart(9, "0")}`;
      const items = new Map([
        [
          "m",
          { ftype: "incus.tar.xz", path: metadata.sha256, ...metadata, combined_squashfs_sha256: combined },
        ],
        ["r", { ftype: "squashfs", path: root.sha256, ...root }],
      ]);
      versions.set(name, { items });
      return { ...file, products: new Map([["p", { ...product, versions }]]) };
    });
    return { reason: { verb: "add", text: root.sha256 }, streams: streamsAfter };
  }).then((generation) => ({ generation, root }));
}

/** Sometimes the newest generation is pinned, and sometimes what was pinned before is not any more. */
async function changeSomePins() {
  const choice = Math.random();
  if (choice > 0.4) return;
  await changePins(store, (pins, base) => {
    const pin = { kind: "generation", generation: base.number, pinnedAt: base.createdAt };
    const after = choice < 0.2 ? [...pins.slice(-3), pin] : pins.slice(1);
    return { reason: { verb: "pin", text: "" }, pins: after };
  });
}

process.stdout.write("ready\n");
if (task === "add") {
  const [prefix, count] = rest;
  for (let left = Number(count); left > 0; left--) {
    const writer = await store.writer("add");
    const image = await stage(writer, prefix);
    const generation = await add(writer, image);
    process.stdout.write(`published ${generation.number} ${image.sha256}\n`);
    await writer.close();
  }
} else if (task === "prune") {
  for (;;) {
    await prune(store, { now: Date.now(), graceMs: Number(rest[0]), freeNow: true });
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
} else if (task === "build") {
  for (let left = Number(rest[0]); left > 0; left--) {
    const writer = await store.writer("add");
    const { generation, root } = await build(writer);
    process.stdout.write(`published ${generation.number} ${root.sha256}\n`);
    await writer.close();
  }
} else if (task === "retain") {
  const policy = { ...KEEP_ALL, general: { versions: 2 } };
  for (;;) {
    await changeSomePins();
    await retain(store, policy, { now: Date.now() });
    await prune(store, { now: Date.now(), graceMs: Number(rest[0]), freeNow: true });
  }
} else {
  throw new Error(`no such task: ${task}`);
}
