/**
 * One process that writes to a store, for tests that kill it: node driver.mjs <store> <task> [arguments]. It uses the compiled
 * program and says on stdout what it was told is published.
 *
 *   add <prefix> <count>   adds that many images of random size; "published <number> <sha256>" for each
 *   prune <graceMs>        prunes for ever
 */
import { createHash, randomBytes } from "node:crypto";

import { commit } from "../../dist/store/commit.js";
import { openDirectoryStore } from "../../dist/store/directory/open.js";
import { listedItems, productsRecord } from "../../dist/store/items.js";
import { prune } from "../../dist/store/prune.js";

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
} else {
  throw new Error(`no such task: ${task}`);
}
