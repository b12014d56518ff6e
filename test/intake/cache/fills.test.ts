import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { HeadwaterError } from "../../../src/error.ts";
import { openFills } from "../../../src/intake/cache/open-fills.ts";
import { startFiller } from "../../../src/intake/cache/start-filler.ts";
import type { TransferEvents, Transfers } from "../../../src/intake/transfer/transfer.ts";
import { openDirectoryStore } from "../../../src/store/directory/open.ts";
import { itemsOf } from "../../../src/store/items.ts";
import { takeSocketLock } from "../../../src/store/socket-lock.ts";
import type { BlobReader, BlobSink, Store, StoreWriter } from "../../../src/store/store.ts";
import { publishStreams } from "../../store/tiny-caches.ts";
import { hashOf } from "../../store/tiny-images.ts";

const TEXT = "some-bytes-of-an-image-that-is-at-the-upstream";
const GIB = 1024 ** 3;
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** An upstream whose only download goes on when the test says so. */
class SlowUpstream {
  started = 0;
  bytes = TEXT;
  #release: () => void = () => undefined;
  readonly #released = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  finish(): void {
    this.#release();
  }

  open = (writer: StoreWriter): Transfers => ({
    close: async () => undefined,
    transfer: async (job, events: TransferEvents = {}) => {
      this.started += 1;
      const sink: BlobSink = await writer.create(job.sha256);
      events.onBegin?.(sink.location);
      // More is written than was announced: it is nobody's yet.
      await sink.write(Buffer.from(this.bytes.slice(0, 20)));
      events.onProgress?.(10);
      await this.#released;
      await sink.write(Buffer.from(this.bytes.slice(20)));
      if (hashOf(this.bytes) !== job.sha256) {
        await sink.cancel();
        throw new HeadwaterError("UPSTREAM_WRONG", "other bytes");
      }
      events.onVerified?.();
      await sink.commit(job);
      return { fetched: job.size, reused: 0, fingerprints: new Map() };
    },
  });
}

async function scene(options: { readonly free?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "hw-fills-"));
  stops.push(() => rm(folder, { recursive: true }));
  const store = await openDirectoryStore(folder, { create: true });
  await publishStreams(store, [{ name: "up", origin: "cache", lists: [TEXT], holds: [] }]);
  await mkdir(join(folder, "state"), { recursive: true });
  const socketPath = join(folder, "state", "serve.sock");
  const upstream = new SlowUpstream();
  const { filler } = startFiller({
    store,
    upstreamOf: async () => ({ url: "https://up.example" }),
    openTransfers: upstream.open,
    maxSizeOf: async () => undefined,
    space: async () => ({ free: options.free ?? 50 * GIB, total: 100 * GIB }),
    log: { info: () => undefined, warn: () => undefined },
  });
  const lock = await takeSocketLock(socketPath, filler.onConnection);
  stops.push(async () => {
    await filler.close();
    await lock?.release();
  });
  const client = () => {
    const fills = openFills({ store, socketPath, patienceMs: 2000 });
    stops.push(() => fills.close());
    return fills;
  };
  return { store, upstream, filler, lock, client };
}

async function listed(store: Store) {
  const newest = await store.newest();
  const item = newest === undefined ? undefined : (await itemsOf(store, newest)).get(`up/${TEXT}`);
  if (item === undefined) throw new Error("not listed");
  return item;
}

async function readAll(reader: BlobReader, from = 0): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for (let at = from; at < reader.size; ) {
      const buffer = Buffer.alloc(16);
      const count = await reader.read(buffer, at);
      if (count === 0) break;
      pieces.push(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    await reader.close();
  }
  return Buffer.concat(pieces).toString();
}

const never = new AbortController().signal;

describe("a file that is at the upstream", () => {
  it("is downloaded once for many clients of several processes, and held from then on", async () => {
    const { store, upstream, client } = await scene();
    const item = await listed(store);
    const processes = [client(), client()];
    const readers = await Promise.all(
      Array.from({ length: 32 }, (_, index) => (processes[index % 2] ?? client()).open(item, never)),
    );
    const texts = readers.map((reader) => readAll(reader));
    upstream.finish();
    expect(new Set(await Promise.all(texts))).toEqual(new Set([TEXT]));
    expect(upstream.started).toBe(1);
    await expect.poll(async () => (await listed(store)).isHeld).toBe(true);
  });

  it("is read while it grows, and joined in the middle", async () => {
    const { store, upstream, client } = await scene();
    const item = await listed(store);
    const fills = client();
    const first = await fills.open(item, never);
    const buffer = Buffer.alloc(100);
    expect(await first.read(buffer, 0)).toBe(10);
    const second = readAll(await fills.open(item, never), 20);
    upstream.finish();
    expect(await second).toBe(TEXT.slice(20));
    expect(await readAll(first)).toBe(TEXT);
  });

  it("goes on being downloaded when all who asked hung up", async () => {
    const { store, upstream, client } = await scene();
    const fills = client();
    await (await fills.open(await listed(store), never)).close();
    await fills.close();
    upstream.finish();
    await expect.poll(async () => (await listed(store)).isHeld).toBe(true);
  });

  it("is never completed with wrong bytes, and not held", async () => {
    const { store, upstream, client } = await scene();
    upstream.bytes = TEXT.replace("upstream", "UPSTREAM");
    const item = await listed(store);
    const reading = readAll(await client().open(item, never));
    upstream.finish();
    await expect(reading).rejects.toMatchObject({ code: "UPSTREAM_WRONG" });
    expect(await store.sizeOf(item.sha256)).toBeUndefined();
    expect((await listed(store)).isHeld).toBe(false);
  });

  it("passes through unkept when there is no room", async () => {
    const { store, upstream, filler, client } = await scene({ free: 0 });
    const reading = readAll(await client().open(await listed(store), never));
    upstream.finish();
    expect(await reading).toBe(TEXT);
    await filler.close();
    expect((await listed(store)).isHeld).toBe(false);
  });
});
