import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../../src/compose.ts";
import { type BundleOutput, bundleFile, pipedOutput } from "../../../src/export/bundle/bundle-file.ts";
import { createBundle } from "../../../src/export/bundle/create-bundle.ts";
import { parseSelection } from "../../../src/simplestreams/selection.ts";
import { carryOut, listOf } from "../../bundle/carry.ts";
import { keyIdOf, someSigner } from "../../bundle/some-signer.ts";
import { type Site, temporarySite } from "../../cli/site.ts";
import { codeOf } from "../../contract/store.ts";
import { filesIn, wrongFiles } from "../tree/walk-tree.ts";

let site: Site;
let file: string;

beforeEach(async () => {
  site = await temporarySite();
  file = join(site.folder, "site.hwb");
  await site.json("add", ...(await site.files("a")));
  await site.json("add", ...(await site.files("b")), "--os", "other");
});
afterEach(() => site.remove());

function members(path = file): string[] {
  return execFileSync("tar", ["tf", path], { encoding: "utf8" }).trim().split("\n");
}

async function unpack(path: string, into = join(site.folder, "tree")): Promise<string> {
  await mkdir(into, { recursive: true });
  execFileSync("tar", ["xf", path, "-C", into]);
  return into;
}

describe("a bundle", () => {
  it("is a tar archive that tells what it is, first its list, then a tree that a web server could serve", async () => {
    await carryOut(site.data, file);
    expect(members().slice(0, 4)).toEqual([
      "bundle.json",
      "README.txt",
      "streams/v1/index.json",
      "streams/v1/images.json",
    ]);
    const tree = await unpack(file);
    expect(await wrongFiles(tree)).toEqual([]);
    expect(await wrongFiles(join(tree, "images"))).toEqual([]);
  });

  it("is the same, byte for byte, but for its id and its date", async () => {
    await carryOut(site.data, file);
    await carryOut(site.data, `${file}2`, { now: () => Date.now() + 5000 });
    const [one, other] = [readFileSync(file), readFileSync(`${file}2`)];
    const rest = (bytes: Buffer): Buffer => bytes.subarray(bytes.indexOf("README.txt"));
    expect(rest(one).equals(rest(other))).toBe(true);
    const { id, createdAt, ...list } = await listOf(file);
    expect(await listOf(`${file}2`)).toMatchObject(list);
    expect((await listOf(`${file}2`)).id).not.toBe(id);
    expect((await listOf(`${file}2`)).createdAt).not.toBe(createdAt);
  });

  it("is signed with the key of the store, as gpgv and a person can check", async () => {
    const signer = await someSigner();
    const report = await carryOut(site.data, file, { signer });
    expect(report.signedBy).toBe(signer.fingerprint);
    expect(members().slice(0, 4)).toEqual(["bundle.json", "bundle.json.asc", "README.txt", "key.asc"]);
    const tree = await unpack(file);
    execFileSync("gpg", ["--batch", "--dearmor", "--output", "key.gpg", "key.asc"], {
      cwd: tree,
      stdio: "pipe",
    });
    const status = execFileSync(
      "gpgv",
      ["--status-fd", "1", "--keyring", "./key.gpg", "bundle.json.asc", "bundle.json"],
      { cwd: tree, stdio: "pipe", encoding: "utf8" },
    );
    expect(status).toContain(`GOODSIG ${(await keyIdOf(signer)).toUpperCase()}`);
  });

  it("holds what was chosen, and its lists name nothing else", async () => {
    await carryOut(site.data, file, { selections: [parseSelection("os=other")] });
    const tree = await unpack(file);
    const files = await filesIn(tree);
    expect(files.filter((path) => path.includes("other/1"))).toHaveLength(2);
    expect(files.filter((path) => path.includes("tiny/"))).toEqual([]);
    for (const path of ["streams/v1/images.json", "images/streams/v1/images.json"]) {
      const { products } = JSON.parse(readFileSync(join(tree, path), "utf8")) as { products: object };
      expect(Object.keys(products)).toEqual([expect.stringMatching(/^other:/) as string]);
    }
    expect(await wrongFiles(tree)).toEqual([]);
  });

  it("of nothing is refused", async () => {
    expect(await codeOf(carryOut(site.data, file, { selections: [parseSelection("os=none")] }))).toBe(
      "NOT_FOUND",
    );
    expect(readdirSync(site.folder).filter((name) => name.includes("hwb"))).toEqual([]);
  });

  it("has a file once that is listed in two places, and both names when it is unpacked", async () => {
    const [metadata, root] = await site.files("a");
    const [other] = await site.files("c", { os: "Third" });
    await site.json("add", other, root);
    const { fileBytes } = await carryOut(site.data, file);
    const { files } = await listOf(file);
    expect(files.filter(({ link }) => link !== undefined)).toHaveLength(1);
    const twice = files.filter(
      ({ sha256 }) => sha256 === files.find(({ link }) => link !== undefined)?.sha256,
    );
    expect(twice).toHaveLength(2);
    expect(fileBytes).toBe(files.reduce((sum, { size, link }) => sum + (link === undefined ? size : 0), 0));
    expect(statSync(metadata).size).toBeGreaterThan(0);
    expect(await wrongFiles(await unpack(file))).toEqual([]);
  });
});

describe("an increment", () => {
  it("leaves out what the earlier bundle holds, and is unpacked over it", async () => {
    await carryOut(site.data, file);
    await site.json("add", ...(await site.files("n")), "--os", "new");
    const report = await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    expect(report).toMatchObject({ images: 3, files: 2, inBases: 4, bases: [(await listOf(file)).id] });
    await unpack(file);
    const tree = await unpack(`${file}2`);
    expect(await wrongFiles(tree)).toEqual([]);
    const { products } = JSON.parse(readFileSync(join(tree, "streams/v1/images.json"), "utf8")) as {
      products: object;
    };
    expect(Object.keys(products)).toHaveLength(3);
  });

  it("of an increment names the bundle that holds each file, and no other", async () => {
    await carryOut(site.data, file);
    await site.json("add", ...(await site.files("n")), "--os", "new");
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    await site.json("remove", "new/1");
    await site.json("add", ...(await site.files("m")), "--os", "newer");
    await carryOut(site.data, `${file}3`, { since: await listOf(`${file}2`) });
    const [first, third] = [await listOf(file), await listOf(`${file}3`)];
    expect(third.bases).toEqual([{ id: first.id, createdAt: first.createdAt }]);
    expect(third.files.filter(({ base }) => base === first.id)).toHaveLength(4);
    expect(third.files.filter(({ base }) => base === undefined)).toHaveLength(2);
  });

  it("of another store is refused", async () => {
    const other = await temporarySite();
    try {
      await other.json("add", ...(await other.files("z")));
      await carryOut(other.data, file);
      const since = await listOf(file);
      expect(await codeOf(carryOut(site.data, `${file}2`, { since }))).toBe("USAGE");
    } finally {
      await other.remove();
    }
  });
});

describe("parts", () => {
  const partSize = 5000;
  const parts = (): string[] =>
    readdirSync(site.folder)
      .filter((name) => name.startsWith("site.hwb"))
      .sort();

  it("are as long as was asked for, are one archive together, and can be checked one by one", async () => {
    await carryOut(site.data, file, { partSize });
    const names = parts();
    expect(names.slice(0, 2)).toEqual(["site.hwb.001", "site.hwb.002"]);
    expect(names.at(-1)).toBe("site.hwb.sha256");
    const sizes = names.slice(0, -1).map((name) => statSync(join(site.folder, name)).size);
    expect(sizes.slice(0, -1).every((size) => size === partSize)).toBe(true);
    execFileSync("sha256sum", ["--check", "--strict", "site.hwb.sha256"], { cwd: site.folder });
    execFileSync("sh", ["-c", "cat site.hwb.0* > whole.tar"], { cwd: site.folder });
    expect(await wrongFiles(await unpack(join(site.folder, "whole.tar")))).toEqual([]);
  });

  it("of a larger bundle with the same name are not left behind", async () => {
    await carryOut(site.data, file, { partSize });
    const before = parts().length;
    await site.json("remove", "other/1");
    await carryOut(site.data, file, { partSize, force: true });
    expect(parts().length).toBeLessThan(before);
    // What only looks like a part is somebody else's.
    writeFileSync(`${file}.2026`, "not ours");
    await carryOut(site.data, file, { force: true });
    expect(parts()).toEqual(["site.hwb", "site.hwb.2026"]);
  });

  it("without the first one are no bundle, and replaced", async () => {
    await carryOut(site.data, file, { partSize });
    await rm(`${file}.001`);
    await carryOut(site.data, file, { partSize });
    expect(parts()[0]).toBe("site.hwb.001");
  });
});

describe("the file", () => {
  it("is not replaced unless that is asked for", async () => {
    await carryOut(site.data, file);
    const before = readFileSync(file);
    expect(await codeOf(carryOut(site.data, file))).toBe("TARGET_UNUSABLE");
    expect(readFileSync(file).equals(before)).toBe(true);
    await carryOut(site.data, file, { force: true });
    expect(readFileSync(file).equals(before)).toBe(false);
  });

  it("does not appear when bytes in the store are wrong", async () => {
    const store = await openStore(site.data);
    await carryOut(site.data, `${file}0`);
    const blob = (await listOf(`${file}0`)).files[1]?.sha256 ?? "";
    const path = join(store.name, "blobs", blob.slice(0, 2), blob);
    const size = statSync(path).size;
    await chmod(path, 0o644);
    writeFileSync(path, Buffer.alloc(size));
    expect(await codeOf(carryOut(site.data, file))).toBe("BLOB_MISMATCH");
    expect(
      readdirSync(site.folder).filter((name) => name.includes("site.hwb") && !name.endsWith("0")),
    ).toEqual([]);
  });

  it("is begun again when what it copies is given up meanwhile; a pipe, which cannot be, ends", async () => {
    const store = await openStore(site.data);
    const options = { partSize: null, now: Date.now };
    const overtaking = (to: BundleOutput, alias: string): BundleOutput => ({
      name: to.name,
      isErasable: to.isErasable,
      finish: () => to.finish(),
      cancel: () => to.cancel(),
      write: async (bytes) => {
        if ((await site.run(["show", alias])).status === 0) {
          await site.json("remove", alias);
          await site.json("prune", "--grace", "0", "--free-now");
        }
        await to.write(bytes);
      },
    });
    const again = await createBundle(
      store,
      async () => overtaking(await bundleFile(file, { partSize: null, force: true }), "tiny/1"),
      options,
    );
    expect(again.images).toBe(1);
    await site.json("add", ...(await site.files("c")), "--os", "third");
    let pipes = 0;
    const pipe = async (): Promise<BundleOutput> => {
      pipes += 1;
      return overtaking(
        pipedOutput(async () => undefined),
        "other/1",
      );
    };
    expect(await codeOf(createBundle(store, pipe, options))).toBe("BLOB_MISSING");
    expect(pipes).toBe(1);
  });

  it("in a folder that is not there, or not ours, is refused in a sentence", async () => {
    expect(await codeOf(carryOut(site.data, join(site.folder, "none", "site.hwb")))).toBe("TARGET_UNUSABLE");
    expect(await codeOf(carryOut(site.data, join(site.data, "headwater.yaml", "x")))).toBe("TARGET_UNUSABLE");
    const { stderr } = await site.run(["bundle", "create", join(site.folder, "none", "site.hwb")]);
    expect(stderr).toContain("Make the folder first");
  });

  it("that a killed run left unfinished is removed by the next one; one that is being written stays", async () => {
    const [dead, alive] = [
      ".site.hwb.999999999-0badf00d.partial",
      `.site.hwb.${process.ppid}-0badf00d.partial`,
    ];
    const other = ".other.hwb.999999999-0badf00d.partial";
    for (const name of [dead, alive, other]) writeFileSync(join(site.folder, name), "half");
    await carryOut(site.data, file);
    expect(
      readdirSync(site.folder)
        .filter((name) => name.endsWith(".partial"))
        .sort(),
    ).toEqual([alive, other].sort());
  });
});
