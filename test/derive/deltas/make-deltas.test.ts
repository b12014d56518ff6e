import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { remove } from "../../../src/curate/remove.ts";
import { repair } from "../../../src/curate/repair.ts";
import { Xdelta3 } from "../../../src/derive/deltas/xdelta3.ts";
import { HeadwaterError } from "../../../src/error.ts";
import { clientProfile } from "../../../src/simplestreams/client-profile.ts";
import { imagesOf } from "../../../src/simplestreams/images-of.ts";
import { readOwnProducts } from "../../../src/simplestreams/own-documents.ts";
import { readDocument } from "../../../src/store/documents.ts";
import { itemsOf } from "../../../src/store/items.ts";
import { prune } from "../../../src/store/prune.ts";
import { verify } from "../../../src/store/verify.ts";
import { DeltaSite, rootBytes } from "./delta-site.ts";
import { type Behaviour, standIn, triesIn } from "./stand-in.ts";

const [OLD, NEW] = ["20260101_0000", "20260102_0000"];

let site: DeltaSite;

beforeEach(async () => {
  site = await DeltaSite.create();
});

afterEach(async () => {
  await site.remove();
});

/** What the newest generation says at a URL path. */
async function products(path: string) {
  const newest = await site.store.newest();
  const record = newest?.documents[path];
  if (record === undefined) throw new TypeError(`${path} is not there`);
  return readOwnProducts(new TextDecoder().decode(await readDocument(site.store, record)));
}

async function expectNothingHalfDone(): Promise<void> {
  expect(await readdir(join(site.store.name, "incoming"))).toEqual([]);
  expect((await verify(site.store)).damaged).toEqual([]);
}

const outcomes = (reports: readonly { readonly outcome: string }[]): string[] =>
  reports.map(({ outcome }) => outcome);

describe("deltas", () => {
  it("lead both clients from the version before to the newest, over the merged root and their own", async () => {
    await site.add("20251231_0000");
    const base = await site.add(OLD);
    const newest = await site.add(NEW);
    const reports = await site.make(await standIn(site.folder));
    expect(reports).toEqual([
      {
        product: "demo:1:default:amd64",
        version: NEW,
        base: OLD,
        rootSize: rootBytes("").length,
        outcome: "made",
        size: 1004,
      },
    ]);
    for (const [path, prefix] of [
      ["streams/v1/images.json", "images/"],
      ["images/streams/v1/images.json", ""],
    ] as const) {
      for (const family of ["incus", "lxd"] as const) {
        const images = imagesOf(await products(path), clientProfile(family));
        expect(images.map(({ version, deltas }) => [version, deltas.length])).toEqual([
          [NEW, 1],
          [OLD, 0],
          ["20251231_0000", 0],
        ]);
        const image = images.find(({ fingerprint }) => fingerprint === newest);
        expect(image?.deltas).toMatchObject([
          {
            item: `squashfs.${OLD}.vcdiff`,
            baseFingerprint: base,
            size: 1004,
            path: expect.stringMatching(
              `^${prefix}demo/1/amd64/default/${NEW}/rootfs-from-${OLD}-[0-9a-f]{8}\\.vcdiff$`,
            ),
          },
        ]);
      }
    }
    const [row] = await site.rows();
    expect(row?.deltas).toMatchObject([{ base: OLD, size: 1004 }]);
    expect((await site.store.newest())?.reason).toEqual({
      verb: "delta",
      text: `demo:1:default:amd64 ${NEW} from ${OLD}`,
    });
    await expectNothingHalfDone();
  });

  it("are not made again, and several products have theirs in one generation", async () => {
    for (const release of ["1", "2", "3"])
      for (const version of [OLD, NEW]) await site.add(version, `${release} ${version}`, release);
    const before = (await site.store.newest())?.number ?? 0;
    const xdelta3 = await standIn(site.folder);
    expect(outcomes(await site.make(xdelta3))).toEqual(["made", "made", "made"]);
    expect(outcomes(await site.make(xdelta3))).toEqual(["present", "present", "present"]);
    expect((await site.store.newest())?.number).toBe(before + 1);
    expect(await triesIn(site.folder)).toHaveLength(3);
  });

  it("with dryRun say what would be tried, and try nothing", async () => {
    await site.add(OLD);
    await site.add(NEW);
    expect(outcomes(await site.make(await standIn(site.folder), { dryRun: true }))).toEqual(["wanted"]);
    expect(await triesIn(site.folder)).toEqual([]);
    expect((await site.store.newest())?.number).toBe(2);
  });

  it("keep all of the old file in reach of xdelta3, which takes powers of two from 64 MiB", async () => {
    await site.add(OLD);
    await site.add(NEW);
    await site.make(await standIn(site.folder));
    expect(await triesIn(site.folder)).toEqual([`-e -c -A= -S none -1 -B ${64 * 1024 * 1024} -s /dev/fd/3`]);
  });

  it("of the same root under another version cost next to nothing", async () => {
    await site.add(OLD, "same");
    await site.add(NEW, "same");
    expect(await site.make(await standIn(site.folder))).toMatchObject([{ outcome: "made", size: 4 }]);
  });

  it("that are half the root or more are given up, and not tried again unless somebody insists", async () => {
    await site.add(OLD);
    await site.add(NEW);
    const large = await standIn(site.folder, "large");
    const half = rootBytes("").length / 2;
    const [first] = await site.make(large);
    expect(first).toMatchObject({ outcome: "not worth it", before: false });
    expect(first?.outcome === "not worth it" && first.size >= half).toBe(true);
    expect(await site.make(large)).toMatchObject([{ outcome: "not worth it", before: true }]);
    expect(await triesIn(site.folder)).toHaveLength(1);
    await expectNothingHalfDone();
    expect(outcomes(await site.make(await standIn(site.folder), { again: true }))).toEqual(["made"]);
    // What was found out is about these two roots.
    await site.add("20260103_0000");
    expect(outcomes(await site.make(await standIn(site.folder)))).toEqual(["made"]);
  });

  it.each<[Behaviour, RegExp]>([
    ["fails", /^xdelta3: xdelta3: no \\u001b\[31mspace$/],
    ["half", /^xdelta3: it ended with SIGKILL$/],
    ["garbage", /^xdelta3: xdelta3: not a VCDIFF input$/],
    ["wrong", /^decoding the delta gave other bytes/],
    ["endless", /^xdelta3: it ended with SIGKILL$/],
  ])("of a program that %s are not listed, and tried again the next day", async (behaviour, reason) => {
    await site.add(OLD);
    await site.add(NEW);
    const before = (await site.store.newest())?.number;
    const xdelta3 = await standIn(site.folder, behaviour);
    let now = Date.now();
    const failed = { outcome: "failed", reason: expect.stringMatching(reason) };
    expect(await site.make(xdelta3, { now: () => now })).toMatchObject([{ ...failed, before: false }]);
    expect(await site.make(xdelta3, { now: () => now })).toMatchObject([{ ...failed, before: true }]);
    expect(await triesIn(site.folder)).toHaveLength(1);
    expect((await site.store.newest())?.number).toBe(before);
    await expectNothingHalfDone();
    now += 25 * 60 * 60 * 1000;
    expect(outcomes(await site.make(await standIn(site.folder), { now: () => now }))).toEqual(["made"]);
  });

  it("are not made of larger roots than there may be memory for", async () => {
    await site.add(OLD);
    await site.add(NEW);
    expect(outcomes(await site.make(await standIn(site.folder), { maxSize: 300_000 }))).toEqual([
      "too large",
    ]);
    expect(await triesIn(site.folder)).toEqual([]);
  });

  it("need the program, which is told apart from one that fails", async () => {
    expect(await new Xdelta3(join(site.folder, "nothing")).isInstalled()).toBe(false);
    expect(await (await standIn(site.folder, "fails")).isInstalled()).toBe(true);
  });

  it("whose base goes while they are made are dropped, though its bytes could be read to the end", async () => {
    const base = await site.add(OLD);
    await site.add(NEW);
    const making = site.make(await standIn(site.folder, "waits"));
    await expect.poll(() => triesIn(site.folder)).toHaveLength(1);
    await remove(site.store, [base], { now: true });
    await writeFile(join(site.folder, "go"), "");
    expect(outcomes(await making)).toEqual(["overtaken"]);
    expect((await site.rows()).map(({ version, deltas }) => [version, deltas])).toEqual([[NEW, []]]);
    await expectNothingHalfDone();
  });

  it("made by two processes at once are one, by the one that took over what the other had begun", async () => {
    await site.add(OLD);
    await site.add(NEW);
    const first = site.make(await standIn(site.folder, "waits"));
    await expect.poll(() => triesIn(site.folder)).toHaveLength(1);
    expect(outcomes(await site.make(await standIn(site.folder)))).toEqual(["made"]);
    await writeFile(join(site.folder, "go"), "");
    await expect(first).rejects.toMatchObject({ code: "BLOB_MISSING" });
    expect((await site.rows()).map(({ deltas }) => deltas.length)).toEqual([1, 0]);
    await expectNothingHalfDone();
  });

  it("are given up at once when they are to stop, and nothing is left of them", async () => {
    await site.add(OLD);
    await site.add(NEW);
    const stop = new AbortController();
    const making = site.make(await standIn(site.folder, "waits"), { signal: stop.signal });
    await expect.poll(() => triesIn(site.folder)).toHaveLength(1);
    stop.abort(new Error("enough"));
    await expect(making).rejects.toThrow("enough");
    await expectNothingHalfDone();
    expect(outcomes(await site.make(await standIn(site.folder)))).toEqual(["made"]);
  });

  it("on a full disk end with that, and what was listed stays", async () => {
    await site.add(OLD);
    await site.add(NEW);
    const full = new HeadwaterError("STORE_FULL", "no room");
    const { store } = site;
    const writer: typeof store.writer = async (...args) => {
      const real = await store.writer(...args);
      const create: typeof real.create = async (...sha256) => {
        const sink = await real.create(...sha256);
        return {
          ...sink,
          location: sink.location,
          commit: (wanted) => sink.commit(wanted),
          cancel: () => sink.cancel(),
          leave: () => sink.leave(),
          write: () => Promise.reject(full),
        };
      };
      return new Proxy(real, { get: (target, key) => (key === "create" ? create : bound(target, key)) });
    };
    const crowded = new Proxy(store, {
      get: (target, key) => (key === "writer" ? writer : bound(target, key)),
    });
    await expect(site.make(await standIn(site.folder), { store: crowded })).rejects.toBe(full);
    expect((await site.rows()).map(({ deltas }) => deltas.length)).toEqual([0, 0]);
    await expectNothingHalfDone();
  });
});

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target);
  return typeof value === "function" ? value.bind(target) : value;
}

describe("a listed delta", () => {
  let base = "";
  let newest = "";

  beforeEach(async () => {
    base = await site.add(OLD);
    newest = await site.add(NEW);
    await site.make(await standIn(site.folder));
  });

  const deltas = async (): Promise<[string, number][]> =>
    (await site.rows()).map((row) => [row.version, row.deltas.length]);

  it("goes with its base, and the version is right without it", async () => {
    await remove(site.store, [base]);
    expect(await deltas()).toEqual([[NEW, 0]]);
    await expectNothingHalfDone();
  });

  it("goes when its version gets another root under the same name, or its base does", async () => {
    const [row] = await site.rows();
    await remove(site.store, [newest]);
    await site.add(NEW, "other bytes");
    expect(await deltas()).toEqual([
      [NEW, 0],
      [OLD, 0],
    ]);
    await site.make(await standIn(site.folder));
    expect(await deltas()).toEqual([
      [NEW, 1],
      [OLD, 0],
    ]);
    await remove(site.store, [base]);
    await site.add(OLD, "other bytes of the base");
    expect(await deltas()).toEqual([
      [NEW, 0],
      [OLD, 0],
    ]);
    expect(row?.deltas).toHaveLength(1);
  });

  it("stays fetchable in a generation that is kept", async () => {
    const listing = await site.store.newest();
    await remove(site.store, [base]);
    await prune(site.store, { now: Date.now(), freeNow: true });
    const items = listing === undefined ? [] : [...(await itemsOf(site.store, listing)).values()];
    expect(items.filter(({ path }) => path.endsWith(".vcdiff"))).toHaveLength(1);
    for (const { sha256, size } of items) expect(await site.store.sizeOf(sha256)).toBe(size);
  });

  it("of an image that is removed at once leaves the disk too, since it holds parts of its bytes", async () => {
    const [row] = await site.rows();
    // The newest lists no longer have the delta, and kept ones do.
    await remove(site.store, [base]);
    await remove(site.store, [newest], { now: true });
    expect(row?.deltas).toHaveLength(1);
    for (const { sha256 } of [...(row?.files ?? []), ...(row?.deltas ?? [])])
      expect(await site.store.sizeOf(sha256)).toBeUndefined();
  });

  it("that is damaged is taken off the lists by a repair, and its image stays", async () => {
    const [row] = await site.rows();
    await site.store.quarantine(row?.deltas[0]?.sha256 ?? "");
    const report = await verify(site.store);
    expect(report.damaged).toHaveLength(1);
    await repair(site.store, report);
    expect(await deltas()).toEqual([
      [NEW, 0],
      [OLD, 0],
    ]);
    await expectNothingHalfDone();
  });
});
