import { copyFile, mkdir, mkdtemp, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { parseIndex, parseProducts } from "../../src/simplestreams/index.ts";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { busyboxRoot, metadataTarball, qcow2, squashfs } from "./image-files.ts";
import { asPrinted, predicted } from "./listing.ts";
import { attempt, run } from "./program.ts";
import { SAMPLES, sampleImage, sha256OfFiles } from "./sample-images.ts";
import { type PrintedImage, daemons, usersKnowing } from "./user.ts";

/** Folders as other tools leave and read them. */
describe.skipIf(inject("daemons") === undefined)("folders", () => {
  let folder: string;
  let headwater: Headwater;
  let serving: Serving | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "folder-"));
    headwater = await Headwater.create();
  });
  afterEach(async () => {
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  test("a copy of what is served satisfies incus-simplestreams, which lists the same images", async () => {
    for (const name of SAMPLES) await headwater.run("add", ...(await sampleImage(folder, name)).files);
    serving = await headwater.serve();
    const copy = join(folder, "copy");
    const paths = await download(serving, copy);

    await run("incus-simplestreams", ["verify"], { cwd: copy });
    const listed = await run("incus-simplestreams", ["list", "--format", "json"], { cwd: copy });
    const products = parseProducts(await serving.document("/streams/v1/images.json"));
    expect(JSON.parse(listed) as PrintedImage[]).toEqual(
      predicted(products, "incus").map((image) => asPrinted(image, "incus")),
    );

    // It really looks: the same copy with one byte changed does not pass.
    const victim = join(copy, paths[0] ?? "");
    const bytes = await readFile(victim);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(victim, bytes);
    expect((await attempt("incus-simplestreams", ["verify"], { cwd: copy })).status).not.toBe(0);
  });

  test("a tree made by incus-simplestreams comes in whole; both clients list and launch from it", async () => {
    const tree = join(folder, "tree");
    await mkdir(tree);
    const container = await sampleImage(folder, "container-squashfs");
    const vm = await sampleImage(folder, "vm-disk");
    const unified = await sampleImage(folder, "unified-container");
    for (const { files } of [container, vm, unified]) {
      await run("incus-simplestreams", ["add", ...files], { cwd: tree });
    }
    await headwater.run("add", tree);
    serving = await headwater.serve();
    for (const user of await usersKnowing(serving.url, await serving.pem())) {
      const fingerprints = (await user.list("hw")).map(({ fingerprint }) => fingerprint);
      expect(new Set(fingerprints)).toEqual(
        new Set([container.fingerprint, vm.fingerprint, unified.fingerprint]),
      );
      // The one alias the tool gave it, in its spelling, and what Headwater adds.
      for (const [position, alias] of ["Busy/container-squashfs/default", container.alias].entries()) {
        await user.launch(`hw:${alias}`, `c${position}`);
        expect(await user.exec(`c${position}`, "cat", "/etc/marker")).toBe(`${container.marker}\n`);
      }
    }
  });

  test("a folder as distrobuilder leaves it: one build, a container and a virtual machine of one name", async () => {
    const build = join(folder, "build");
    await mkdir(build);
    const root = await squashfs(await busyboxRoot(folder, "built"), join(build, "rootfs.squashfs"));
    await rename(
      await metadataTarball(folder, { os: "Debian", release: "bookworm" }),
      join(build, "incus.tar.xz"),
    );
    await copyFile(await qcow2(folder), join(build, "disk.qcow2"));
    const metadata = join(build, "incus.tar.xz");
    await headwater.run("add", build);
    serving = await headwater.serve();
    const container = await sha256OfFiles([metadata, root]);
    const vm = await sha256OfFiles([metadata, join(build, "disk.qcow2")]);
    for (const user of await usersKnowing(serving.url, await serving.pem())) {
      const printed = await user.list("hw");
      expect(printed.map(({ fingerprint, type }) => [type, fingerprint])).toEqual([
        ["container", container],
        ["virtual-machine", vm],
      ]);
      for (const alias of ["debian/12", "debian/12/default", "debian/bookworm", "debian/bookworm/default"]) {
        await user.launch(`hw:${alias}`, "c1");
        expect(await user.exec("c1", "cat", "/etc/marker")).toBe("built\n");
        expect(await user.baseImage("c1")).toBe(container);
        await user.run("delete", "--force", "c1");
        await user.run("image", "copy", `hw:${alias}`, "local:", "--vm");
        expect((await user.localImages()).map(({ fingerprint }) => fingerprint)).toContain(vm);
      }
    }
  });
});

/** Everything a mirror of the server would copy, into a folder. Returns the paths of the items. */
async function download(serving: Serving, folder: string): Promise<string[]> {
  const save = async (path: string): Promise<Buffer> => {
    const bytes = await serving.body(`/${path}`);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
    return bytes;
  };
  const index = parseIndex(await save("streams/v1/index.json"));
  const items: string[] = [];
  for (const { path } of index.index.values()) {
    const products = parseProducts(await save(path ?? ""));
    for (const product of products.products.values()) {
      for (const version of product.versions.values()) {
        for (const item of version.items.values()) items.push(item.path ?? "");
      }
    }
  }
  for (const path of new Set(items)) await save(path);
  return items;
}
