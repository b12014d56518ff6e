import { createHash, randomBytes } from "node:crypto";

import { afterEach, describe, expect, it } from "vitest";

import { HeadwaterError } from "../../src/error.ts";
import type { Generation } from "../../src/store/generation.ts";
import type { Sha256, Store, StoreWriter } from "../../src/store/store.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** The same store as another process would open it. */
  readonly another: () => Promise<Store>;
  readonly remove: () => Promise<void>;
}

export function generationNumber(number: number, more: Partial<Generation> = {}): Generation {
  return {
    format: 1,
    rules: 1,
    id: randomBytes(16).toString("hex"),
    number,
    parent: number - 1,
    createdAt: new Date(1_700_000_000_000 + number).toISOString(),
    reason: { verb: "add", text: `number ${number}` },
    keeps: number === 1 ? [] : [[1, number - 1]],
    streams: [],
    documents: {},
    ...more,
  };
}

export function sha256Of(bytes: Uint8Array): Sha256 {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function contentOf(store: Store, sha256: Sha256): Promise<Uint8Array | undefined> {
  const reader = await store.open(sha256);
  if (reader === undefined) return undefined;
  try {
    const bytes = new Uint8Array(reader.size);
    expect(await reader.read(bytes, 0)).toBe(reader.size);
    return bytes;
  } finally {
    await reader.close();
  }
}

export async function holds(store: Store, sha256: Sha256, bytes: Uint8Array): Promise<boolean> {
  const content = await contentOf(store, sha256);
  return content !== undefined && Buffer.compare(content, bytes) === 0;
}

export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: unknown) => (error instanceof HeadwaterError ? error.code : String(error)),
  );
}

/** What every store must do, whatever it keeps its bytes in. */
export function storeContract(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`a store: ${name}`, () => {
    const made: StoreUnderTest[] = [];
    const open = async (): Promise<StoreUnderTest> => {
      const store = await makeStore();
      made.push(store);
      return store;
    };
    const withLive = async (
      text: string,
    ): Promise<{ store: Store; sha256: Sha256; bytes: Uint8Array; writer: StoreWriter }> => {
      const { store } = await open();
      const bytes = Buffer.from(text);
      const writer = await store.writer("test");
      const { sha256 } = await writer.put(bytes);
      await writer.place([sha256]);
      return { store, sha256, bytes, writer };
    };
    afterEach(async () => {
      for (const store of made.splice(0)) await store.remove();
    });

    describe("generations", () => {
      it("has none when it is new", async () => {
        const { store } = await open();
        expect(await store.newest()).toBeUndefined();
        expect(await store.generation(1)).toBeUndefined();
      });

      it("gives back what was created, and the newest of several", async () => {
        const { store, another } = await open();
        const wanted = [1, 2, 3].map((number) => generationNumber(number));
        for (const generation of wanted) expect(await store.createIfAbsent(generation)).toBe(true);
        expect(await store.newest()).toEqual(wanted[2]);
        expect(await store.generation(1)).toEqual(wanted[0]);
        expect(await (await another()).newest()).toEqual(wanted[2]);
      });

      it("sees what another process created, after it looked before", async () => {
        const { store, another } = await open();
        const other = await another();
        expect(await store.newest()).toBeUndefined();
        for (const number of [1, 2, 3]) {
          await other.createIfAbsent(generationNumber(number));
          expect((await store.newest())?.number).toBe(number);
        }
      });

      it("lets one of many writers win a number", async () => {
        const { store, another } = await open();
        const stores = [store, await another(), await another()];
        const wanted = Array.from({ length: 12 }, () => generationNumber(1));
        const won = await Promise.all(
          wanted.map(async (generation, index) => (stores[index % 3] ?? store).createIfAbsent(generation)),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await store.newest())?.id).toBe(wanted[won.indexOf(true)]?.id);
      });

      it("lets a writer whose answer got lost recognise its own success", async () => {
        const { store } = await open();
        const generation = generationNumber(1);
        expect(await store.createIfAbsent(generation)).toBe(true);
        expect(await store.createIfAbsent(generation)).toBe(true);
        expect(await store.createIfAbsent(generationNumber(1))).toBe(false);
      });

      it("refuses to read what a newer Headwater wrote", async () => {
        const { store, another } = await open();
        await store.createIfAbsent(generationNumber(1, { format: 2 }));
        expect(await codeOf((await another()).newest())).toBe("STORE_NEWER");
      });

      it("finds no document under a name that every object inherits", async () => {
        const { store, another } = await open();
        await store.createIfAbsent(generationNumber(1));
        const newest = await (await another()).newest();
        expect(newest?.documents["constructor"]).toBeUndefined();
        expect(newest?.documents["__proto__"]).toBeUndefined();
      });
    });

    describe("writers", () => {
      it("stage, read back, and place blobs", async () => {
        const { store, another } = await open();
        const writer = await store.writer("add");
        const bytes = randomBytes(300_000);
        const sink = await writer.create();
        await sink.write(bytes.subarray(0, 100_000));
        await sink.write(bytes.subarray(100_000));
        const sha256 = sha256Of(bytes);
        await sink.commit({ sha256, size: bytes.byteLength });
        expect(writer.has(sha256)).toBe(true);
        expect(await store.open(sha256)).toBeUndefined();
        const staged = await writer.open(sha256);
        const part = new Uint8Array(10);
        expect(await staged.read(part, 299_995)).toBe(5);
        expect(Buffer.compare(part.subarray(0, 5), bytes.subarray(299_995))).toBe(0);
        expect(await staged.read(part, 300_000)).toBe(0);
        await staged.close();
        await writer.place([sha256]);
        expect(await holds(await another(), sha256, bytes)).toBe(true);
        expect(await store.sizeOf(sha256)).toBe(300_000);
        expect(Array.from(await store.liveBlobs())).toEqual([sha256]);
        await writer.close();
        expect(writer.has(sha256)).toBe(false);
        expect(await holds(store, sha256, bytes)).toBe(true);
      });

      it("may reuse their buffer once a write has resolved", async () => {
        const { store } = await open();
        const writer = await store.writer("add");
        const sink = await writer.create();
        const buffer = Buffer.alloc(4);
        for (const text of ["head", "wate", "rrrr"]) {
          buffer.write(text);
          await sink.write(buffer);
        }
        const sha256 = sha256Of(Buffer.from("headwaterrrr"));
        await sink.commit({ sha256, size: 12 });
        await writer.place([sha256]);
        expect(Buffer.from((await contentOf(store, sha256)) ?? []).toString()).toBe("headwaterrrr");
      });

      it("stage nothing when the size is not what was promised", async () => {
        const { store } = await open();
        const writer = await store.writer("add");
        const sink = await writer.create();
        await sink.write(Buffer.from("four"));
        const sha256 = sha256Of(Buffer.from("four"));
        expect(await codeOf(sink.commit({ sha256, size: 5 }))).toBe("BLOB_MISMATCH");
        expect(writer.has(sha256)).toBe(false);
        expect(await codeOf(writer.place([sha256]))).toBe("BLOB_MISSING");
        expect(await codeOf(writer.open(sha256))).toBe("BLOB_MISSING");
      });

      it("can cancel, and hold empty blobs", async () => {
        const { store } = await open();
        const writer = await store.writer("add");
        const cancelled = await writer.create();
        await cancelled.write(Buffer.from("gone"));
        await cancelled.cancel();
        const { sha256, size } = await writer.put(new Uint8Array());
        expect(size).toBe(0);
        await writer.place([sha256]);
        expect(await contentOf(store, sha256)).toEqual(new Uint8Array());
      });

      it("place again what was put aside and deleted, as often as needed", async () => {
        const { store, sha256, bytes, writer } = await withLive("again");
        await store.retire(sha256, 5);
        await store.deleteRetired({ sha256, size: bytes.byteLength, atGeneration: 5 });
        expect(await store.open(sha256)).toBeUndefined();
        await writer.place([sha256]);
        await writer.place([sha256]);
        expect(await holds(store, sha256, bytes)).toBe(true);
      });

      it("do not see each other's staged blobs", async () => {
        const { store } = await open();
        const [one, two] = [await store.writer("add"), await store.writer("add")];
        const { sha256 } = await one.put(Buffer.from("mine"));
        expect(two.has(sha256)).toBe(false);
        expect(await codeOf(two.place([sha256]))).toBe("BLOB_MISSING");
        await two.close();
        await one.place([sha256]);
      });

      it("may place the same bytes at the same time", async () => {
        const { store, another } = await open();
        const bytes = randomBytes(5000);
        const writers = await Promise.all(
          [store, await another(), await another()].map((store) => store.writer("add")),
        );
        const staged = await Promise.all(writers.map((writer) => writer.put(bytes)));
        await Promise.all(writers.map((writer, index) => writer.place([staged[index]?.sha256 ?? ""])));
        expect(await holds(store, sha256Of(bytes), bytes)).toBe(true);
        expect((await store.liveBlobs()).size).toBe(1);
      });

      it("leave nothing when they close, and nothing after a while when they die", async () => {
        const { store, another } = await open();
        const closed = await store.writer("add");
        await closed.put(Buffer.from("closed"));
        await closed.close();
        const dead = await (await another()).writer("add");
        await dead.put(Buffer.from("dead"));
        expect(await store.removeAbandoned(60_000)).toEqual({ writers: 0, bytes: 0 });
        expect(await store.removeAbandoned(-60_000)).toEqual({ writers: 1, bytes: 4 });
        expect(await store.removeAbandoned(-60_000)).toEqual({ writers: 0, bytes: 0 });
      });

      it("that are taken for dead fail in one sentence when they wake up", async () => {
        const { store } = await open();
        const sleeper = await store.writer("add");
        const { sha256 } = await sleeper.put(Buffer.from("before"));
        const sink = await sleeper.create();
        await sink.write(Buffer.from("between"));
        await store.removeAbandoned(-60_000);
        expect(await codeOf(sleeper.place([sha256]))).toBe("BLOB_MISSING");
        await sleeper.close();
        expect(await store.open(sha256)).toBeUndefined();
        await sink.cancel();
      });

      it("lose a staged blob that is to be forgotten everywhere", async () => {
        const { store, another } = await open();
        const writers = [await store.writer("add"), await (await another()).writer("add")];
        for (const writer of writers) await writer.put(Buffer.from("secret"));
        const sha256 = sha256Of(Buffer.from("secret"));
        expect(await store.forgetStaged(sha256)).toBe(2);
        expect(await store.forgetStaged(sha256)).toBe(0);
        for (const writer of writers) expect(await codeOf(writer.place([sha256]))).toBe("BLOB_MISSING");
      });
    });

    describe("writers of the same job, one after another", () => {
      const bytes = randomBytes(3000);
      const sha256 = sha256Of(bytes);
      const job = "sync-debian";
      /** A writer that got so far with the blob and then died, or gave it up for now. */
      const begun = async (store: Store, count: number, leaves: boolean): Promise<StoreWriter> => {
        const writer = await store.writer(job, { adopts: true });
        const sink = await writer.create(sha256);
        await sink.write(bytes.subarray(0, count));
        if (leaves) await sink.leave();
        return writer;
      };
      const partOf = async (writer: StoreWriter | undefined): Promise<Uint8Array | undefined> => {
        const reader = await writer?.partial(sha256);
        if (reader === undefined) return undefined;
        const part = new Uint8Array(reader.size);
        await reader.read(part, 0);
        await reader.close();
        return part;
      };

      it("take over what a dead one had finished, and nothing of other jobs", async () => {
        const { store, another } = await open();
        const dead = await (await another()).writer(job);
        await dead.put(bytes);
        const other = await store.writer(`${job}-security`);
        const { sha256: theirs } = await other.put(Buffer.from("theirs"));
        const writer = await store.writer(job, { adopts: true });
        expect(writer.has(sha256)).toBe(true);
        expect(writer.has(theirs)).toBe(false);
        await writer.place([sha256]);
        await writer.close();
        expect(await holds(store, sha256, bytes)).toBe(true);
        await other.place([theirs]);
      });

      it("take over nothing unless asked to", async () => {
        const { store } = await open();
        await (await store.writer(job)).put(bytes);
        expect((await store.writer(job)).has(sha256)).toBe(false);
      });

      it("leave nothing behind of what they took over and of themselves", async () => {
        const { store } = await open();
        await (await store.writer(job)).put(bytes);
        await (await store.writer(job, { adopts: true })).close();
        expect(await store.removeAbandoned(-60_000)).toEqual({ writers: 0, bytes: 0 });
      });

      it("hand on what dead ones had taken over", async () => {
        const { store } = await open();
        await (await store.writer(job)).put(bytes);
        await store.writer(job, { adopts: true });
        expect((await store.writer(job, { adopts: true })).has(sha256)).toBe(true);
      });

      it("make a former one that is alive all the same fail", async () => {
        const { store } = await open();
        const former = await store.writer(job);
        await former.put(bytes);
        const writer = await store.writer(job, { adopts: true });
        expect(await codeOf(former.place([sha256]))).toBe("BLOB_MISSING");
        await former.close();
        await writer.place([sha256]);
        expect(await holds(store, sha256, bytes)).toBe(true);
      });

      it("find the part of a file that was left, also from a thread, also after several tries", async () => {
        const { store, another } = await open();
        await (await begun(store, 1000, true)).close();
        await (await store.writer(job, { adopts: true })).close();
        const writer = await store.writer(job, { adopts: true });
        const thread = await (await another()).joinWriter(writer.id);
        expect(await partOf(thread)).toEqual(new Uint8Array(bytes.subarray(0, 1000)));
        expect(await partOf(writer)).toEqual(new Uint8Array(bytes.subarray(0, 1000)));
        expect(await writer.partial(sha256Of(Buffer.from("other")))).toBeUndefined();
      });

      it("never stage a part, and keep the longest of several", async () => {
        const { store } = await open();
        await (await begun(store, 2000, true)).close();
        await (await begun(store, 500, true)).close();
        const writer = await store.writer(job, { adopts: true });
        expect(writer.has(sha256)).toBe(false);
        expect((await partOf(writer))?.byteLength).toBe(2000);
        await (await writer.create(sha256)).leave();
        expect((await partOf(writer))?.byteLength).toBe(2000);
      });

      it("find no part any more once the file is whole, or was wrong", async () => {
        const { store } = await open();
        const writer = await begun(store, 2000, true);
        const whole = await writer.create(sha256);
        await whole.write(bytes);
        await whole.commit({ sha256, size: bytes.byteLength });
        expect(await partOf(writer)).toBeUndefined();
        await (await begun(store, 2000, true)).close();
        const next = await store.writer(job, { adopts: true });
        const wrong = await next.create(sha256);
        await wrong.cancel();
        expect(await partOf(next)).toBeUndefined();
      });

      it("leave no part of a file whose hash nobody knew", async () => {
        const { store } = await open();
        const writer = await store.writer(job);
        const sink = await writer.create();
        await sink.write(bytes);
        await sink.leave();
        await writer.close();
        expect(await store.removeAbandoned(-60_000)).toEqual({ writers: 0, bytes: 0 });
      });

      it("leave parts for a while only", async () => {
        const { store } = await open();
        await (await begun(store, 2000, true)).close();
        expect(await store.removeAbandoned(-60_000)).toEqual({ writers: 1, bytes: 2000 });
        expect(await partOf(await store.writer(job, { adopts: true }))).toBeUndefined();
      });
    });

    describe("a second handle on a writer's area", () => {
      it("stages for the first, once it looks, and removes nothing", async () => {
        const { store, another } = await open();
        const writer = await store.writer("sync");
        const thread = await (await another()).joinWriter(writer.id);
        const { sha256 } = (await thread?.put(Buffer.from("from a thread"))) ?? { sha256: "" };
        await thread?.close();
        expect(writer.has(sha256)).toBe(false);
        await writer.look();
        await writer.place([sha256]);
        expect(await contentOf(store, sha256)).toBeDefined();
      });

      it("sees what the first has staged", async () => {
        const { store, another } = await open();
        const writer = await store.writer("sync");
        const { sha256 } = await writer.put(Buffer.from("metadata"));
        const thread = await (await another()).joinWriter(writer.id);
        expect(thread?.has(sha256)).toBe(true);
        expect((await thread?.open(sha256))?.size).toBe(8);
      });

      it("is not to be had when there is no such writer", async () => {
        const { store } = await open();
        const closed = await store.writer("sync");
        await closed.close();
        for (const id of [closed.id, "", "..", "../state", "sync-000000000000"]) {
          expect(await store.joinWriter(id)).toBeUndefined();
        }
      });
    });

    describe("a file that grows", () => {
      it("is read as far as it is written, and to its end after it got its name", async () => {
        const { store, another } = await open();
        const bytes = randomBytes(3000);
        const sha256 = sha256Of(bytes);
        const writer = await store.writer("fill");
        const sink = await writer.create(sha256);
        await sink.write(bytes.subarray(0, 1000));
        const reader = await (await another()).openGrowing(sink.location, 3000);
        if (reader === undefined) throw new Error("not there");
        expect([reader.sha256, reader.size]).toEqual([sha256, 3000]);
        const buffer = new Uint8Array(3000);
        expect(await reader.read(buffer, 0)).toBe(1000);
        expect(await reader.read(buffer, 1000)).toBe(0);
        await sink.write(bytes.subarray(1000));
        await sink.commit({ sha256, size: 3000 });
        expect(await reader.read(buffer, 0)).toBe(3000);
        expect(Buffer.compare(buffer, bytes)).toBe(0);
        const late = await store.openGrowing(sink.location, 3000);
        expect(await late?.read(buffer, 0)).toBe(3000);
        await late?.close();
        await reader.close();
      });

      it("is not to be had when it was given up, or never was", async () => {
        const { store } = await open();
        const writer = await store.writer("fill");
        const sink = await writer.create(sha256Of(Buffer.from("x")));
        await sink.cancel();
        for (const location of [sink.location, "", "../../headwater.yaml", `${writer.id}/../x`]) {
          expect(await store.openGrowing(location, 1)).toBeUndefined();
        }
      });
    });

    describe("notes", () => {
      it("are read by every process, and replaced", async () => {
        const { store, another } = await open();
        expect(await store.readNote("sync/debian")).toBeUndefined();
        await store.writeNote("sync/debian", "one");
        await store.writeNote("sync/debian", "two");
        await store.writeNote("sync", "äöü");
        expect(await (await another()).readNote("sync/debian")).toBe("two");
        expect(await (await another()).readNote("sync")).toBe("äöü");
      });

      it("have plain names only, and never fail", async () => {
        const { store } = await open();
        for (const name of ["", "..", "../x", "/x", "a//b", "A", "a.b", "__proto__", "a/"]) {
          await store.writeNote(name, "text");
          expect(await store.readNote(name)).toBeUndefined();
        }
      });
    });

    describe("blobs", () => {
      it("stay readable when they are put aside, and come back", async () => {
        const { store, sha256, bytes } = await withLive("aside");
        await store.retire(sha256, 7);
        expect((await store.liveBlobs()).size).toBe(0);
        expect(await store.retiredBlobs()).toEqual([{ sha256, size: 5, atGeneration: 7 }]);
        expect(await holds(store, sha256, bytes)).toBe(true);
        expect(await store.sizeOf(sha256)).toBe(5);
        expect(await store.restore(sha256)).toBe(true);
        expect(await store.retiredBlobs()).toEqual([]);
        expect((await store.liveBlobs()).has(sha256)).toBe(true);
      });

      it("are restored when they are live already, and not when they are nowhere", async () => {
        const { store, sha256 } = await withLive("live");
        expect(await store.restore(sha256)).toBe(true);
        expect(await store.restore("0".repeat(64))).toBe(false);
      });

      it("can be put aside by several generations, each of which deletes only its own copy", async () => {
        const { store, sha256, writer } = await withLive("twice");
        await store.retire(sha256, 3);
        await writer.place([sha256]);
        await store.retire(sha256, 9);
        expect(
          (await store.retiredBlobs()).map((blob) => blob.atGeneration).toSorted((a, b) => a - b),
        ).toEqual([3, 9]);
        await store.deleteRetired({ sha256, size: 5, atGeneration: 3 });
        expect(await contentOf(store, sha256)).toBeDefined();
        expect(await store.restore(sha256)).toBe(true);
      });

      it("are live although a copy is put aside, when placed again", async () => {
        const { store, sha256, writer } = await withLive("both");
        await store.retire(sha256, 3);
        await writer.place([sha256]);
        expect(await store.restore(sha256)).toBe(true);
        await store.deleteRetired({ sha256, size: 4, atGeneration: 3 });
        expect(await contentOf(store, sha256)).toBeDefined();
        expect((await store.liveBlobs()).has(sha256)).toBe(true);
      });

      it("are not lost by retiring, deleting or restoring what is not there", async () => {
        const { store, sha256 } = await withLive("here");
        await store.retire("0".repeat(64), 1);
        await store.deleteRetired({ sha256, size: 4, atGeneration: 1 });
        expect(await contentOf(store, sha256)).toBeDefined();
        expect(await store.retiredBlobs()).toEqual([]);
      });

      it("go on being read by who opened them, after they were deleted", async () => {
        const { store, sha256 } = await withLive("opened");
        const reader = await store.open(sha256);
        await store.retire(sha256, 2);
        await store.deleteRetired({ sha256, size: 6, atGeneration: 2 });
        const buffer = new Uint8Array(6);
        expect(await reader?.read(buffer, 0)).toBe(6);
        expect(Buffer.from(buffer).toString()).toBe("opened");
        await reader?.close();
        expect(await store.open(sha256)).toBeUndefined();
        expect(await store.sizeOf(sha256)).toBeUndefined();
      });

      it("with wrong bytes go where no reader finds them, and the right bytes may come again", async () => {
        const { store } = await open();
        const writer = await store.writer("add");
        const right = Buffer.from("right");
        const sha256 = sha256Of(right);
        const sink = await writer.create();
        await sink.write(Buffer.from("wrong"));
        await sink.commit({ sha256, size: 5 });
        await writer.place([sha256]);
        expect(await store.quarantine(sha256)).toContain(sha256);
        expect(await store.quarantine(sha256)).toBeUndefined();
        expect(await store.open(sha256)).toBeUndefined();
        const healer = await store.writer("add");
        await healer.put(right);
        await healer.place([sha256]);
        expect(await contentOf(store, sha256)).toEqual(new Uint8Array(right));
      });

      it("with wrong bytes are healed by placing the right ones", async () => {
        const { store } = await open();
        const right = Buffer.from("right");
        for (const bytes of [Buffer.from("wrong"), right]) {
          const writer = await store.writer("add");
          const sink = await writer.create();
          await sink.write(bytes);
          await sink.commit({ sha256: sha256Of(right), size: 5 });
          await writer.place([sha256Of(right)]);
        }
        expect(await contentOf(store, sha256Of(right))).toEqual(new Uint8Array(right));
      });

      it("have no other name than a hash", async () => {
        const { store } = await withLive("hash");
        for (const name of [
          "",
          "../generations/0000000001.json",
          "__proto__",
          "A".repeat(64),
          "a".repeat(63),
        ]) {
          expect(await store.open(name)).toBeUndefined();
          expect(await store.sizeOf(name)).toBeUndefined();
          expect(await store.restore(name)).toBe(false);
        }
      });
    });
  });
}
