import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, describe, expect, it } from "vitest";

import { backup } from "../../src/store/directory/backup.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { verify } from "../../src/store/verify.ts";
import { codeOf, holds } from "../contract/store.ts";
import { addText, hashOf, listedBy, removeText } from "./tiny-images.ts";

const made: string[] = [];

async function twoFolders(): Promise<{ from: string; to: string; store: Store }> {
  const base = await mkdtemp(join(tmpdir(), "headwater-backup-"));
  made.push(base);
  const from = join(base, "store");
  return { from, to: join(base, "copy"), store: await openDirectoryStore(from, { create: true }) };
}

afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true });
});

describe("backup", () => {
  it("makes a store that lists and holds the same, with the older generations and the settings", async () => {
    const { from, to, store } = await twoFolders();
    await addText(store, "a");
    await addText(store, "b");
    await store.retire(hashOf("a"), 1);
    await mkdir(join(from, "tls"), { mode: 0o700 });
    await writeFile(join(from, "tls", "server.pem"), "key", { mode: 0o600 });
    await writeFile(join(from, "headwater.yaml"), "# mine\n");
    await chmod(join(from, "headwater.yaml"), 0o640);
    expect(await backup(from, to)).toMatchObject({ generation: 2, blobs: 4, linkedBlobs: 3, copiedBytes: 1 });
    const copy = await openDirectoryStore(to);
    expect(await copy.newest()).toEqual(await store.newest());
    expect(await copy.generation(1)).toEqual(await store.generation(1));
    expect(await listedBy(copy, await copy.newest())).toEqual([hashOf("a"), hashOf("b")]);
    expect(await verify(copy)).toMatchObject({ damaged: [], extra: [] });
    expect((await stat(join(to, "tls", "server.pem"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(to, "tls"))).mode & 0o777).toBe(0o700);
    expect(await readFile(join(to, "headwater.yaml"), "utf8")).toBe("# mine\n");
    expect((await stat(join(to, "headwater.yaml"))).mode & 0o777).toBe(0o640);
  });

  it("brings only what is new the second time, and takes away what nobody names any more", async () => {
    const { from, to, store } = await twoFolders();
    await addText(store, "a");
    await backup(from, to);
    await removeText(store, "a");
    await addText(store, "b");
    await prune(store, { now: Date.now() + 1e6, graceMs: 1, freeNow: true });
    const report = await backup(from, to);
    expect(report.removedBlobs).toBeGreaterThan(0);
    const copy = await openDirectoryStore(to);
    expect(await copy.open(hashOf("a"))).toBeUndefined();
    expect(await holds(copy, hashOf("b"), Buffer.from("b"))).toBe(true);
    expect(await verify(copy)).toMatchObject({ damaged: [], extra: [] });
    expect(await backup(from, to)).toMatchObject({ linkedBlobs: 0, copiedBytes: 0, removedBlobs: 0 });
  });

  it("is whole while others add, remove and prune", async () => {
    const { from, to, store } = await twoFolders();
    const rounds = new AbortController();
    const others = (async () => {
      for (let round = 0; !rounds.signal.aborted; round++) {
        await addText(store, "abcdefg".charAt(round % 7));
        await removeText(store, "abcdefg".charAt((round + 3) % 7));
        await prune(store, { now: Date.now(), graceMs: 0, freeNow: true });
      }
    })();
    try {
      for (let round = 0; round < 5; round++) {
        await backup(from, to);
        const copy = await openDirectoryStore(to);
        expect((await verify(copy)).damaged).toEqual([]);
      }
    } finally {
      rounds.abort();
      await others;
    }
  });

  it("goes on from a copy of nothing, refuses another store's copy, and itself", async () => {
    const { from, to, store } = await twoFolders();
    expect((await backup(from, to)).generation).toBeUndefined();
    await addText(store, "a");
    expect((await backup(from, to)).generation).toBe(1);
    const other = await twoFolders();
    await addText(other.store, "other");
    expect(await codeOf(backup(other.from, to))).toBe("STORE_UNUSABLE");
    expect(await codeOf(backup(from, join(from, "copy")))).toBe("STORE_UNUSABLE");
    expect(await codeOf(backup(from, from))).toBe("STORE_UNUSABLE");
  });

  it("does not copy bytes that are not what their name says", async () => {
    const { from, to, store } = await twoFolders();
    await addText(store, "a");
    await store.retire(hashOf("a"), 1);
    await writeFile(join(from, "trash", "0000000001", hashOf("a")), "A");
    expect(await codeOf(backup(from, to))).toBe("BLOB_MISMATCH");
  });
});
