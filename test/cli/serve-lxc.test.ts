import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openStore } from "../../src/compose.ts";
import { lxcTask } from "../../src/cli/serve-lxc.ts";
import { readDocument } from "../../src/store/documents.ts";
import { HeadwaterError } from "../../src/error.ts";
import type { Store } from "../../src/store/store.ts";
import { writeTar } from "../../src/image/write-tar.ts";
import { needProgram } from "../image/programs.ts";
import { tinyRootMembers, tinyRootTar } from "../image/tiny-image.ts";
import { recordingLogger, sha256 } from "../server/site.ts";
import { fakeIo } from "./fake-io.ts";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
let store: Store;

beforeEach(async (context) => {
  needProgram(context, "xz");
  site = await temporarySite();
  const [metadata] = await site.files("a");
  const root = join(site.folder, "root.tar.xz");
  writeFileSync(root, execFileSync("xz", ["-c"], { input: await tinyRootTar() }));
  await site.json("add", metadata, root);
  // No squashfs: of this one nothing can be made.
  await site.json("add", ...(await site.files("b")), "--os", "broken");
  store = await openStore(site.data);
});
afterEach(async () => {
  vi.useRealTimers();
  await site?.remove();
});

const configure = (text: string): void => writeFileSync(join(site.data, "headwater.yaml"), text);

describe("a server that makes files for LXC", () => {
  it("does so when the configuration says so, once, tells what it could not, once, and takes them back", async () => {
    const log = recordingLogger();
    const io = fakeIo({ cwd: site.folder });
    const task = lxcTask(io, { data: site.data }, { store, log });
    const run = async (): Promise<number | undefined> => {
      await task.run(new AbortController().signal);
      return (await store.newest())?.number;
    };
    const before = (await store.newest())?.number ?? 0;
    expect(await run()).toBe(before);
    configure("lxc: true\n");
    expect(await run()).toBe(before + 1);
    expect(await run()).toBe(before + 1);
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "info made for LXC",
      "warn files for LXC could not be made; tried again in an hour",
    ]);
    await site.json("alias", "add", "another", "tiny/1");
    expect(await run()).toBe(before + 2);
    expect(log.lines).toHaveLength(2);
    configure("lxc: false\n");
    expect(await run()).toBe(before + 3);
    expect((await store.newest())?.documents["meta/1.0/index-system"]).toBeUndefined();
  });

  it("also does so for what is published while it works", async () => {
    configure("lxc: true\n");
    const root = join(site.folder, "root.tar.xz");
    const [metadata] = await site.files("c");
    let isAdded = false;
    const writer: Store["writer"] = async (...wishes) => {
      // The lists have been read.
      if (!isAdded) await site.json("add", metadata, root, "--os", "later");
      isAdded = true;
      return store.writer(...wishes);
    };
    const task = lxcTask(
      fakeIo({ cwd: site.folder }),
      { data: site.data },
      { store: { ...store, writer }, log: recordingLogger() },
    );
    await task.run(new AbortController().signal);
    await task.run(new AbortController().signal);
    const record = (await store.newest())?.documents["meta/1.0/index-system"];
    const index = record && new TextDecoder().decode(await readDocument(store, record));
    expect(index).toMatch(/^later;.*\ntiny;.*\n$/);
  });

  it("does not fill a full disk again and again", async () => {
    configure("lxc: true\n");
    let tries = 0;
    const writer: Store["writer"] = () => {
      tries += 1;
      return Promise.reject(new HeadwaterError("STORE_FULL", "no room"));
    };
    const task = lxcTask(
      fakeIo({ cwd: site.folder }),
      { data: site.data },
      { store: { ...store, writer }, log: recordingLogger() },
    );
    await expect(task.run(new AbortController().signal)).rejects.toThrow("no room");
    await task.run(new AbortController().signal);
    expect(tries).toBe(1);
    await site.json("add", ...(await site.files("d")), "--os", "new");
    await expect(task.run(new AbortController().signal)).rejects.toThrow("no room");
  });

  it("tries what failed again after a while, but not what can never be", async () => {
    configure("lxc: true\n");
    const root = join(site.folder, "large.tar.gz");
    const hole = { name: "etc/hole", mode: 0o644, content: Buffer.alloc(20_000) };
    writeFileSync(root, gzipSync(await writeTar([...tinyRootMembers(), hole], 0)));
    const [metadata, passing] = await site.files("e");
    await site.json("add", metadata, root, "--os", "large");
    await site.json("add", metadata, passing, "--os", "passing");
    const names = new Map([root, passing].map((file) => [sha256(readFileSync(file)), file]));
    let opened: (string | undefined)[] = [];
    const open: Store["open"] = (hash) => {
      opened.push(names.get(hash));
      return store.open(hash);
    };
    const task = lxcTask(
      fakeIo({ cwd: site.folder }),
      { data: site.data },
      { store: { ...store, open }, log: recordingLogger(), maxBytes: 15_000 },
    );
    const tried = async (): Promise<(string | undefined)[]> => {
      opened = [];
      await task.run(new AbortController().signal);
      return opened.filter((file) => file !== undefined).toSorted();
    };
    expect(await tried()).toEqual([root, passing].toSorted());
    expect(await tried()).toEqual([]);
    vi.setSystemTime(Date.now() + 2 * 60 * 60 * 1000);
    expect(await tried()).toEqual([passing]);
  });
});
