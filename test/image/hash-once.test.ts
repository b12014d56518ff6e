import { createHash, randomFillSync } from "node:crypto";
import { appendFile, open, rename, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { combinedHash } from "../../src/image/combined-hash.ts";
import { copyAndHash } from "../../src/image/hash-once.ts";
import { recognise } from "../../src/image/recognise.ts";
import { failureOf } from "./failure.ts";
import { temporaryFolder, tinySquashfs } from "./tiny-image.ts";

const MiB = 1024 * 1024;

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => folder.remove());

let files = 0;
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder.path, `${++files}.bin`);
  await writeFile(path, bytes);
  return path;
}

/** A sink that takes its time, keeps a copy, and notices when two writes overlap. */
class SlowSink {
  readonly chunks: Buffer[] = [];
  busy = false;
  async write(bytes: Uint8Array): Promise<void> {
    expect(this.busy).toBe(false);
    this.busy = true;
    await new Promise((resolve) => setImmediate(resolve));
    this.chunks.push(Buffer.from(bytes));
    this.busy = false;
  }
  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function sha256(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

describe("copyAndHash", () => {
  // In this thread, exactly full buffers, one byte over, and in a worker.
  it.for([1, MiB, MiB + 1, 3 * MiB - 1, 20 * MiB + 7])(
    "copies %d bytes and computes all sums",
    async (size) => {
      const bytes = randomFillSync(Buffer.alloc(size));
      const incus = Buffer.from("metadata for Incus");
      const lxd = randomFillSync(Buffer.alloc(3000));
      const sink = new SlowSink();
      const copied = await copyAndHash(await file(bytes), sink, {
        combinedWith: [
          { name: "incus", bytes: incus },
          { name: "__proto__", bytes: lxd },
        ],
      });
      expect(copied.size).toBe(size);
      expect(copied.sha256).toBe(sha256(bytes));
      expect([...copied.combined]).toEqual([
        ["incus", sha256(incus, bytes)],
        ["__proto__", sha256(lxd, bytes)],
      ]);
      expect(sink.bytes().equals(bytes)).toBe(true);
    },
  );

  it("gives the same sums as reading the copy once more", async () => {
    const bytes = randomFillSync(Buffer.alloc(2 * MiB + 5));
    const metadata = Buffer.from("metadata");
    const path = await file(bytes);
    const combinedWith = [{ name: "a", bytes: metadata }];
    const { combined } = await copyAndHash(path, new SlowSink(), { combinedWith });
    const handle = await open(path);
    const read = async (buffer: Uint8Array, position: number): Promise<number> =>
      (await handle.read(buffer, 0, 1000, position)).bytesRead;
    expect(await combinedHash(metadata, { size: bytes.length, read })).toBe(combined.get("a"));
    await handle.close();
  });

  it("reports progress, and stops when told to", async () => {
    const path = await file(Buffer.alloc(5 * MiB));
    const seen: number[] = [];
    await copyAndHash(path, new SlowSink(), { onProgress: ({ done }) => seen.push(done) });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(5 * MiB);
    const controller = new AbortController();
    const sink = new SlowSink();
    const copying = copyAndHash(path, sink, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("stop")),
    });
    await expect(copying).rejects.toThrow("stop");
    expect(sink.busy).toBe(false);
  });

  it("passes on what the sink throws, and writes nothing after it", async () => {
    const path = await file(Buffer.alloc(40 * MiB));
    let writes = 0;
    const sink = {
      write: async (): Promise<void> => {
        writes += 1;
        if (writes === 3) throw new Error("disk full");
      },
    };
    const combinedWith = [{ name: "a", bytes: Buffer.from("x") }];
    await expect(copyAndHash(path, sink, { combinedWith })).rejects.toThrow("disk full");
    expect(writes).toBe(3);
  });

  it("copies holes as the zeros they are", async () => {
    const path = await file(Buffer.from("start"));
    await truncate(path, 3 * MiB);
    const sink = new SlowSink();
    await copyAndHash(path, sink);
    expect(sink.bytes().equals(Buffer.concat([Buffer.from("start")], 3 * MiB))).toBe(true);
  });
});

describe("a file that changes while it is read", () => {
  const size = 12 * MiB;
  const changes: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ["grows", async (path) => appendFile(path, "more")],
    ["shrinks", async (path) => truncate(path, size - 1)],
    ["is cut to nothing", async (path) => truncate(path, 0)],
    [
      "is overwritten in place",
      async (path) => {
        const handle = await open(path, "r+");
        await handle.write("x", size - 1);
        await handle.close();
      },
    ],
    [
      "is overwritten and gets its old time back",
      async (path) => {
        const handle = await open(path, "r+");
        const before = await handle.stat();
        await handle.write("x", size - 1);
        await handle.close();
        await utimes(path, before.atime, before.mtime);
      },
    ],
  ];
  it.for(changes)("is refused when it %s", async ([, change]) => {
    const path = await file(Buffer.alloc(size));
    let changed = false;
    const sink = {
      write: async (): Promise<void> => {
        if (changed) return;
        changed = true;
        await change(path);
      },
    };
    const failure = await failureOf(copyAndHash(path, sink));
    expect(failure.code).toBe("FILE_CHANGED");
    expect(failure.message).toContain(path);
  });

  it("is refused when another file took its place after it was recognised", async () => {
    const path = await file(tinySquashfs());
    const { identity } = await recognise(path);
    await rename(await file(tinySquashfs({ salt: "other" })), path);
    const failure = await failureOf(copyAndHash(path, new SlowSink(), { identity }));
    expect(failure.code).toBe("FILE_CHANGED");
  });
});
