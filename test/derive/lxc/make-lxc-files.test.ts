import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlobFiles } from "../../../src/compose.ts";
import { makeLxcFiles } from "../../../src/derive/lxc/make-lxc-files.ts";
import type { Signer } from "../../../src/store/signer.ts";
import { sha256 } from "../../server/site.ts";
import { needProgram, through } from "../../image/programs.ts";
import { tinyRootTar, writeTinyUnifiedContainer, writeTinyVm } from "../../image/tiny-image.ts";
import { addFiles } from "../../../src/intake/files/add-files.ts";
import { type LxcSite, lxcSite } from "./lxc-site.ts";

const INDEX = "meta/1.0/index-system";

let site: LxcSite;

beforeEach(async (context) => {
  needProgram(context, "xz", "tar");
  site = await lxcSite();
});
afterEach(() => site.remove());

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
