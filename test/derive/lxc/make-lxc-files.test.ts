import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlobFiles } from "../../../src/compose.ts";
import { remove } from "../../../src/curate/remove.ts";
import { repair } from "../../../src/curate/repair.ts";
import { rollback } from "../../../src/curate/rollback.ts";
import { makeLxcFiles } from "../../../src/derive/lxc/make-lxc-files.ts";
import type { Signer } from "../../../src/store/signer.ts";
import { sha256 } from "../../server/site.ts";
import { itemsOf } from "../../../src/store/items.ts";
import { prune } from "../../../src/store/prune.ts";
import { verify } from "../../../src/store/verify.ts";
import { needProgram, through } from "../../image/programs.ts";
import { tinyRootTar, tinySquashfs, writeTinyUnifiedContainer, writeTinyVm } from "../../image/tiny-image.ts";
import { addFiles } from "../../../src/intake/files/add-files.ts";
import { hardSquashfs, type LxcSite, lxcSite } from "./lxc-site.ts";

const INDEX = "meta/1.0/index-system";
const PATH = "/usr/bin:/bin";

let site: LxcSite;

beforeEach(async (context) => {
  needProgram(context, "xz", "tar");
  site = await lxcSite();
});
afterEach(() => site.remove());

/** Stands in for sqfs2tar: writes this archive whatever it is asked. */
async function tarProgram(tar: Buffer, then = "exit 0"): Promise<string> {
  const bin = await site.programs({ sqfs2tar: `base64 -d <<'EOF'\n${tar.toString("base64")}\nEOF\n${then}` });
  return `${bin}:${PATH}`;
}

const unpacked = (xz: Buffer): Buffer => execFileSync("xz", ["-dc"], { input: xz });
const namesIn = (xz: Buffer): string[] =>
  execFileSync("tar", ["-tJ"], { input: xz, encoding: "utf8" }).trim().split("\n");

describe("the files of a build", () => {
  it("are the root itself when that is a tarball with xz, and the metadata beside it", async () => {
    const root = await through(await tinyRootTar(), "xz");
    await site.add(root);
    const { made, failures, listed, generation } = await site.make();
    expect({ failures, listed, generation }).toEqual({ failures: [], listed: 1, generation: 2 });
    expect(made.map(({ product, version }) => `${product} ${version}`)).toEqual([
      "tiny:1:default:amd64 20261121_0304",
    ]);
    expect((await site.file("/rootfs.tar.xz")).equals(root)).toBe(true);
    expect(namesIn(await site.file("/meta.tar.xz"))).toEqual([
      "config",
      "config-user",
      "create-message",
      "expiry",
    ]);
    expect(await site.document(INDEX)).toMatch(
      /^tiny;1;amd64;default;20261121_0304;\/images\/lxc\/tiny\/1\/amd64\/default\/20261121_0304-[0-9a-f]{8}\/\n$/,
    );
  });

  it.each([
    ["gzip", gzipSync],
    ["nothing", (tar: Buffer) => tar],
    ["zstd", (tar: Buffer) => through(tar, "zstd", "-q")],
    ["lzma", (tar: Buffer) => through(tar, "xz", "--format=lzma")],
  ])("are made of a tarball with %s", async (program, compress) => {
    const tar = await tinyRootTar();
    await site.add(await compress(tar)).catch((error: unknown) => {
      throw new Error(`is ${program} installed?`, { cause: error });
    });
    expect(await site.make()).toMatchObject({ failures: [], listed: 1 });
    expect(unpacked(await site.file("/rootfs.tar.xz")).equals(tar)).toBe(true);
  });

  it("have the same bytes, and the same place, on every machine", async () => {
    await site.add(gzipSync(await tinyRootTar()));
    await site.make();
    const other = await lxcSite();
    try {
      await other.add(gzipSync(await tinyRootTar()));
      await other.make();
      expect(await other.document("images/streams/v1/lxc.json")).toBe(
        await site.document("images/streams/v1/lxc.json"),
      );
    } finally {
      await other.remove();
    }
  });

  it("are made once, and again for a newer build, whose line replaces the one before", async () => {
    await site.add(gzipSync(await tinyRootTar()), { version: "20260101_0000" });
    await site.make();
    expect(await site.make()).toMatchObject({ made: [], generation: undefined, listed: 1 });
    await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { version: "20260102_0000" }, { salt: "b" });
    expect(await site.document(INDEX)).toContain(";20260101_0000;");
    expect((await site.make()).made.map(({ version }) => version)).toEqual(["20260102_0000"]);
    expect(await site.document(INDEX)).toMatch(/^[^\n]*;20260102_0000;[^\n]*\n$/);
  });

  it("take what the image's metadata brings for LXC", async () => {
    const where = join(site.folder, "brings");
    execFileSync("sh", [
      "-euc",
      `mkdir ${where}; cd ${where}; echo 'lxc.arch = mine' > config; echo 1 > expiry`,
    ]);
    await site.add(gzipSync(await tinyRootTar()));
    const metadata = join(site.folder, "files.tar");
    execFileSync("sh", [
      "-euc",
      `cp ${site.folder}/files-*/incus.tar ${metadata}; tar -C ${where} -rf ${metadata} config expiry`,
    ]);
    const [root = ""] = execFileSync("sh", ["-c", `ls ${site.folder}/files-*/root`], {
      encoding: "utf8",
    }).split("\n");
    await addFiles(site.store, [metadata, root], { os: "other" });
    await site.make();
    const meta = await site.file(`/lxc/other/1/amd64/default/${await buildOf("other")}/meta.tar.xz`);
    expect(namesIn(meta)).toEqual(["config", "create-message", "expiry"]);
    expect(execFileSync("tar", ["-xJO", "config"], { input: meta, encoding: "utf8" })).toBe(
      "lxc.arch = mine\n",
    );
  });

  async function buildOf(os: string): Promise<string> {
    const line = (await site.document(INDEX))?.split("\n").find((one) => one.startsWith(`${os};`)) ?? "";
    return line.split("/").at(-2) ?? "";
  }

  it("are not made of a VM, and of an image in one file it is said why not", async () => {
    const { metadata, disk } = await writeTinyVm(site.folder);
    await addFiles(site.store, [metadata, disk], {});
    await addFiles(site.store, [await writeTinyUnifiedContainer(site.folder, { salt: "u" })], {
      os: "unified",
    });
    const report = await site.make();
    expect(report).toMatchObject({ made: [], listed: 0 });
    expect(report.leftOut.map(({ product }) => product)).toEqual(["unified:1:default:amd64"]);
  });

  it("go when LXC is no longer to have them, and are not made for a dry run", async () => {
    await site.add(gzipSync(await tinyRootTar()));
    expect(await site.make({ dryRun: true })).toMatchObject({
      made: [{ version: "20261121_0304" }],
      listed: 0,
    });
    expect((await site.store.newest())?.number).toBe(1);
    await site.make();
    expect(await site.make({ streams: new Set() })).toMatchObject({ listed: 0, generation: 3 });
    expect(await site.document(INDEX)).toBeUndefined();
    expect(await site.document("images/streams/v1/lxc.json")).toBeUndefined();
  });
});

describe("with a key", () => {
  /** Says who signed what. */
  const signer = (fingerprint: string): Signer => ({
    fingerprint,
    clearSign: (text) => Promise.resolve(`${fingerprint} ${text}`),
    sign: () => Promise.resolve(Buffer.from(fingerprint)),
    signArmored: async (bytes) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of bytes instanceof Uint8Array ? [bytes] : bytes) pieces.push(piece);
      return `${fingerprint} signed ${sha256(Buffer.concat(pieces))}\n`;
    },
    publicKey: () => Promise.resolve(fingerprint),
  });
  const makeSigned = (fingerprint: string) =>
    makeLxcFiles(
      { ...site.store, signer: signer(fingerprint) },
      { streams: new Set(["images"]), blobFiles: openBlobFiles(site.store.name) },
    );

  it("each file has a signature beside it, and the indexes have theirs", async () => {
    await site.add(gzipSync(await tinyRootTar()));
    await makeSigned("AA");
    for (const name of ["rootfs.tar.xz", "meta.tar.xz"]) {
      const bytes = await site.file(`/${name}`);
      expect((await site.file(`/${name}.asc`)).toString()).toBe(`AA signed ${sha256(bytes)}\n`);
    }
    expect(await site.document(`${INDEX}.7.asc`)).toContain("AA signed ");
    expect(await site.document("images/meta/1.0/index-user.asc")).toContain("AA signed ");
    expect(await site.document("images/streams/v1/lxc.sjson")).toBeUndefined();
  });

  it("that is new only signatures are made again, under another path", async () => {
    await site.add(gzipSync(await tinyRootTar()));
    await makeSigned("AA");
    const before = await site.document(INDEX);
    const onBytes = (): never => {
      throw new Error("nothing is to be packed again");
    };
    const options = { streams: new Set(["images"]), blobFiles: openBlobFiles(site.store.name), onBytes };
    await makeLxcFiles({ ...site.store, signer: signer("BB") }, options);
    expect((await site.file("/rootfs.tar.xz.asc")).toString()).toMatch(/^BB signed /);
    expect(await site.document(INDEX)).not.toBe(before);
    expect(await makeSigned("BB")).toMatchObject({ made: [], generation: undefined });
  });
});

describe("a squashfs", () => {
  it("becomes a tarball with all that it holds, from program to program", async (context) => {
    needProgram(context, "sqfs2tar", "mksquashfs", "unsquashfs");
    const squashfs = await hardSquashfs(site.folder);
    await site.add(squashfs);
    expect(await site.make()).toMatchObject({ failures: [], listed: 1 });
    const tar = execFileSync("tar", ["--numeric-owner", "-tvJ"], {
      input: await site.file("/rootfs.tar.xz"),
      encoding: "utf8",
    });
    const listing = execFileSync("unsquashfs", ["-lln", squashfs], { encoding: "utf8" });
    expect(membersOfTar(tar)).toEqual(membersOfSquashfs(listing));
    expect(tar).toMatch(/^h.* \.\/etc\/(?:hard|hostname) link to \.\/etc\/(?:hard|hostname)$/m);
    const metadata = await site.file("/meta.tar.xz");
    const part = (name: string) => execFileSync("tar", ["-xJO", name], { input: metadata, encoding: "utf8" });
    if (process.getuid?.() === 0)
      expect(part("excludes-user")).toBe("./dev/null\ndev/null\n./dev/sda\ndev/sda\n");
  });

  /** `mode owner name`, the form that both programs can be brought to; a hard link has the mode of what it is. */
  function membersOfTar(text: string): string[] {
    return text
      .trim()
      .split("\n")
      .map((line) => /^(\S+)\s+(\S+)\s+(?:\d+,\s*\d+|\d+)\s+\S+\s+\S+\s+(.*)$/.exec(line) ?? [])
      .map(([, mode = "", owner, name = ""]) => {
        const plain = name
          .replace(/ (?:link to|->) .*$/, "")
          .replace(/^\.\/?/, "")
          .replace(/\/$/, "");
        return `${mode.slice(0, 10).replace(/^h/, "-")} ${owner} ${plain}`;
      })
      .toSorted();
  }

  function membersOfSquashfs(text: string): string[] {
    return text
      .trim()
      .split("\n")
      .map((line) => /^(\S{10})\s+(\S+)\s+(?:\d+,\s*\d+|\d+)\s+\S+\s+\S+\s+(.*)$/.exec(line) ?? [])
      .filter(([whole]) => whole !== undefined)
      .map(([, mode, owner, name = ""]) => {
        const plain = name.replace(/ -> .*$/, "").replace(/^squashfs-root\/?/, "");
        return `${mode} ${owner} ${plain}`;
      })
      .toSorted();
  }

  it("that is not sound lists nothing, and keeps no other build from its turn", async (context) => {
    needProgram(context, "sqfs2tar");
    await site.add(tinySquashfs());
    await site.add(gzipSync(await tinyRootTar()), { os: "other" }, { salt: "o" });
    const { made, failures, listed } = await site.make();
    expect(made.map(({ product }) => product)).toEqual(["other:1:default:amd64"]);
    expect(failures.map(({ error }) => error.message)).toEqual([expect.stringContaining("sqfs2tar says")]);
    expect(listed).toBe(1);
  });

  it.each([
    ["sqfs2tar", { xz: 'exec xz "$@"' }, "squashfs-tools-ng"],
    ["xz", {}, "xz-utils"],
  ])("needs %s, which is named when it is not installed", async (program, scripts, debian) => {
    await site.add(tinySquashfs());
    const { failures } = await site.make({ programs: await site.programs(scripts) });
    expect(failures.map(({ error }) => error)).toMatchObject([
      {
        code: "PROGRAM_MISSING",
        message: expect.stringContaining(program),
        hint: `Install it (Debian: apt install ${debian}).`,
      },
    ]);
    expect((await site.store.newest())?.number).toBe(1);
  });

  it("is not listed when the program fails at the end, stops in the middle, or writes no archive", async () => {
    await site.add(tinySquashfs());
    const tar = await tinyRootTar();
    const failing = [
      await tarProgram(tar, "echo broken >&2; exit 3"),
      await tarProgram(tar.subarray(0, 1500)),
      await tarProgram(tar.subarray(0, 512)),
      await tarProgram(Buffer.from("garbage ".repeat(1000))),
      await tarProgram(tar, "kill -9 $$"),
    ];
    for (const programs of failing) {
      const { made, failures, listed } = await site.make({ programs });
      expect({ made, listed, failed: failures.length }).toEqual({ made: [], listed: 0, failed: 1 });
    }
    expect((await site.store.newest())?.number).toBe(1);
    expect(await site.make({ programs: await tarProgram(tar) })).toMatchObject({ listed: 1 });
  });

  it("is not listed when xz fails", async () => {
    await site.add(tinySquashfs());
    const tar = await tinyRootTar();
    const programs = await tarProgram(tar);
    const broken = await site.programs({ xz: "head -c 100; echo no room >&2; exit 1" });
    const { failures } = await site.make({ programs: `${broken}:${programs}` });
    expect(failures.map(({ error }) => error.message)).toEqual([expect.stringContaining("no room")]);
    expect((await site.store.newest())?.number).toBe(1);
  });

  it("that is removed while its tarball is made is not listed by it", async () => {
    await site.add(tinySquashfs());
    await site.add(gzipSync(await tinyRootTar()), { os: "other" }, { salt: "o" });
    const report = await site.make({
      programs: await tarProgram(await tinyRootTar()),
      onBuild: ({ product }) => {
        if (product.startsWith("tiny")) isRemoved = remove(site.store, ["tiny:1:default:amd64"]);
      },
    });
    await isRemoved;
    expect(report.failures).toEqual([]);
    expect(await site.document(INDEX)).toMatch(/^other;[^\n]*\n$/);
  });
  let isRemoved: Promise<unknown> = Promise.resolve();

  it("leaves nothing behind when the work is stopped", async () => {
    await site.add(tinySquashfs());
    const stop = new AbortController();
    const programs = `${await site.programs({ sqfs2tar: "while :; do head -c 65536 /dev/zero; done" })}:${PATH}`;
    const made = site.make({ programs, signal: stop.signal, onBytes: () => stop.abort() });
    await expect(made).rejects.toThrow();
    expect(readdirSync(join(site.store.name, "incoming"))).toEqual([]);
  });
});

it("what is ready is listed when the work is stopped", async () => {
  await site.add(gzipSync(await tinyRootTar()));
  await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { os: "other" }, { salt: "b" });
  const stop = new AbortController();
  const made = site.make({ signal: stop.signal, onBuild: (_work, { done }) => done === 1 && stop.abort() });
  await expect(made).rejects.toThrow();
  expect(await site.document(INDEX)).toMatch(/^[^\n]*\n$/);
});

describe("what LXC has", () => {
  beforeEach(async () => {
    await site.add(gzipSync(await tinyRootTar()), { version: "20260101_0000" });
    await site.make();
  });

  it("is whole, and is kept by prune as long as it is listed", async () => {
    for (const again of [1, 2])
      await prune(site.store, { now: Date.now() + again, graceMs: 0, freeNow: true });
    expect((await verify(site.store)).damaged).toEqual([]);
    expect((await site.file("/rootfs.tar.xz")).length).toBeGreaterThan(0);
  });

  it("goes with its image, and the one before is there at once", async () => {
    await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { version: "20260102_0000" }, { salt: "b" });
    await site.make();
    await remove(site.store, ["tiny/1"]);
    expect(await site.document(INDEX)).toMatch(/^[^\n]*;20260101_0000;[^\n]*\n$/);
    await remove(site.store, ["tiny/1"]);
    expect(await site.document(INDEX)).toBeUndefined();
  });

  it("goes from the disk with an image that must not stay", async () => {
    const newest = await site.store.newest();
    if (newest === undefined) throw new TypeError("the store is empty");
    const items = [...(await itemsOf(site.store, newest))].filter(([path]) => path.includes("/lxc/"));
    expect(items).toHaveLength(2);
    await remove(site.store, ["tiny/1"], { now: true });
    for (const [, { sha256 }] of items) expect(await site.store.sizeOf(sha256)).toBeUndefined();
  });

  it("is taken off the lists when it is damaged, without its image, and can be made again", async () => {
    const [, item] =
      [...(await itemsOf(site.store, (await site.store.newest()) ?? never()))].find(([path]) =>
        path.endsWith("/rootfs.tar.xz"),
      ) ?? never();
    const blob = join(site.store.name, "blobs", item.sha256.slice(0, 2), item.sha256);
    execFileSync("sh", ["-c", `echo damage > ${blob}`]);
    const repaired = await repair(site.store, await verify(site.store));
    expect(repaired.images).toEqual([]);
    expect(await site.document(INDEX)).toBeUndefined();
    expect(await site.make()).toMatchObject({ listed: 1 });
    expect((await verify(site.store)).damaged).toEqual([]);
  });

  it("is there after a rollback to a time before it was made", async () => {
    await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { os: "other" }, { salt: "b" });
    await rollback(site.store, 1);
    expect(await site.document(INDEX)).toMatch(/^tiny;[^\n]*;20260101_0000;[^\n]*\n$/);
  });

  function never(): never {
    throw new TypeError("nothing is listed");
  }
});
