import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, describe, expect, it } from "vitest";

import { type Disk, nodeDisk } from "../../src/store/directory/disk.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { prune } from "../../src/store/prune.ts";
import { addText, removeText } from "./tiny-images.ts";

/**
 * Killing a process cannot show a missing fsync: the kernel keeps what was written. So the calls themselves are recorded and
 * held against the rule: no name before its bytes and folder are synced.
 */

interface Call {
  readonly name: keyof Disk;
  /** For calls on descriptors: what was opened. */
  readonly path: string;
  readonly to?: string;
}

function recording(calls: Call[]): Disk {
  const paths = new Map<number, string>();
  const note = (name: keyof Disk, path: string, to?: string): void => {
    calls.push({ name, path, ...(to === undefined ? {} : { to }) });
  };
  const pathOf = (fd: number): string => paths.get(fd) ?? "?";
  return {
    ...nodeDisk,
    open: async (path, flags) => {
      const fd = await nodeDisk.open(path, flags);
      paths.set(fd, path);
      if (flags === "create") note("open", path);
      return fd;
    },
    write: async (fd, bytes, position) => {
      await nodeDisk.write(fd, bytes, position);
      note("write", pathOf(fd));
    },
    sync: async (fd) => {
      await nodeDisk.sync(fd);
      note("sync", pathOf(fd));
    },
    mkdir: async (path) => {
      await nodeDisk.mkdir(path);
      note("mkdir", path);
    },
    link: async (existing, path) => {
      await nodeDisk.link(existing, path);
      note("link", existing, path);
    },
    rename: async (from, to) => {
      await nodeDisk.rename(from, to);
      note("rename", from, to);
    },
  };
}

/** Every breach of the rule, in words. `data` is the store's folder. */
function breaches(calls: readonly Call[], data: string): string[] {
  const found: string[] = [];
  /** Files with bytes that are not synced, by every name they have. */
  const unsynced = new Set<string>();
  /** Names that are not safe yet, by folder. */
  const pending = new Map<string, string[]>();
  const named = (path: string): void => {
    pending.set(dirname(path), [...(pending.get(dirname(path)) ?? []), path]);
  };
  for (const { name, path, to } of calls) {
    if (name === "write") unsynced.add(path);
    if (name === "sync" && !unsynced.delete(path)) pending.delete(path);
    if (name === "mkdir") named(path);
    if ((name !== "link" && name !== "rename") || to === undefined) continue;
    if (unsynced.has(path)) {
      found.push(`${to} has its name before its bytes are synced`);
      unsynced.add(to);
    }
    if (to.startsWith(`${data}/generations/`)) {
      const open = Array.from(pending.values()).flat();
      for (const other of open.filter((other) => other.startsWith(`${data}/blobs`))) {
        found.push(`${to} appears before the name ${other} is synced`);
      }
    }
    named(to);
  }
  for (const path of pending.get(`${data}/generations`) ?? [])
    found.push(`${path} is acknowledged before it is synced`);
  return found;
}

const folders: string[] = [];

async function record(): Promise<{ calls: Call[]; data: string }> {
  const data = await mkdtemp(join(tmpdir(), "headwater-calls-"));
  folders.push(data);
  const calls: Call[] = [];
  const store = await openDirectoryStore(data, { create: true, disk: recording(calls) });
  for (const text of ["a", "b", "a"]) await addText(store, text);
  await removeText(store, "a");
  await prune(store, { now: Date.now() + 1000, graceMs: 1 });
  await addText(store, "a");
  await store.retire("0".repeat(64), 1);
  return { calls, data };
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe("the calls of the directory store", () => {
  it("give nothing its name before its bytes and its folder are synced", async () => {
    const { calls, data } = await record();
    expect(calls.filter(({ to }) => to?.startsWith(`${data}/generations/`) === true)).toHaveLength(5);
    expect(breaches(calls, data)).toEqual([]);
  });

  it("would be found out if one of these syncs were missing", async () => {
    const { calls, data } = await record();
    const without = (belongs: (path: string) => boolean): string[] =>
      breaches(
        calls.filter(({ name, path }) => name !== "sync" || !belongs(path)),
        data,
      );
    expect(without((path) => path.endsWith(".partial")).join()).toContain("before its bytes are synced");
    expect(without((path) => path.endsWith(".json")).join()).toContain("before its bytes are synced");
    expect(without((path) => /blobs\/..$/.test(path)).join()).toContain("is synced");
    expect(without((path) => path === `${data}/blobs`).join()).toContain("is synced");
    expect(without((path) => path === `${data}/generations`).join()).toContain("is acknowledged before");
  });

  it("sync each touched folder once, however many blobs are placed", async () => {
    const data = await mkdtemp(join(tmpdir(), "headwater-calls-"));
    folders.push(data);
    const calls: Call[] = [];
    const store = await openDirectoryStore(data, { create: true, disk: recording(calls) });
    const writer = await store.writer("add");
    const staged: string[] = [];
    for (let index = 0; index < 100; index++) {
      staged.push((await writer.put(Buffer.from(`blob ${index}`))).sha256);
    }
    await writer.place(staged);
    calls.length = 0;
    await writer.place(staged);
    const syncs = calls.filter(({ name, path }) => name === "sync" && path.startsWith(`${data}/blobs/`));
    expect(syncs).toHaveLength(new Set(staged.map((sha256) => sha256.slice(0, 2))).size);
  });
});
