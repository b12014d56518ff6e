import { mkdir, mkdtemp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { type SampleImage, sampleImage, sha256OfFiles } from "./sample-images.ts";
import { FAMILIES, type User, daemons, usersKnowing } from "./user.ts";

/** What the clients themselves write is what people have most. */
describe.skipIf(inject("daemons") === undefined)("what clients export comes in again", () => {
  let folder: string;
  let sample: SampleImage;
  let users: ReadonlyMap<string, User>;
  const servers: Serving[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "exports-"));
    sample = await sampleImage(folder, "container-squashfs");
    users = await serve(await added(sample.files));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await emptyDaemons(daemons());
  });

  describe.each(FAMILIES)("%s", (family) => {
    const user = () => {
      const found = users.get(family);
      if (found === undefined) throw new Error(`no ${family} user`);
      return found;
    };

    test.each(["gzip", "none", "xz"])(
      "publish with compression %s: both clients launch it",
      async (compression) => {
        await user().launch(`hw:${sample.alias}`, "origin");
        await user().run("file", "push", "/etc/hostname", "origin/etc/pushed");
        await user().run("stop", "--force", "origin");
        await user().run("publish", "origin", "--alias", "ours", "--compression", compression);
        const [file, ...more] = await exported(user(), "ours");
        expect(more).toEqual([]);
        const again = await serve(
          await added([file ?? ""], "--os", "Ours", "--release", "1", "--alias", "ours/again"),
        );
        await emptyDaemons(daemons());
        for (const other of again.values()) {
          await other.launch("hw:ours/again", "c1");
          expect(await other.baseImage("c1")).toBe(await sha256OfFiles([file ?? ""]));
          expect(await other.exec("c1", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
          expect(await other.exec("c1", "ls", "/etc/pushed")).toBe("/etc/pushed\n");
        }
      },
    );

    test("image export of a container writes two files, which are the same image again", async () => {
      await user().run("image", "copy", `hw:${sample.alias}`, "local:", "--alias", "copy");
      const files = await exported(user(), "copy");
      expect(files).toHaveLength(2);
      expect(await sha256OfFiles(files)).toBe(sample.fingerprint);
      await emptyDaemons(daemons());
      for (const other of (await serve(await added(files))).values()) {
        await other.launch(`hw:${sample.alias}`, "c1");
        expect(await other.baseImage("c1")).toBe(sample.fingerprint);
        expect(await other.exec("c1", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
      }
    });

    test("image export of a virtual machine comes in and is the same image again", async () => {
      const vm = await sampleImage(folder, "vm-disk");
      await user().run("image", "import", ...vm.files, "--alias", "vm");
      const files = await exported(user(), "vm");
      expect(await sha256OfFiles(files)).toBe(vm.fingerprint);
      await emptyDaemons(daemons());
      for (const other of (await serve(await added(files))).values()) {
        await other.run("image", "copy", `hw:${vm.alias}`, "local:", "--vm");
        const [copied] = await other.localImages();
        expect([copied?.fingerprint, copied?.type]).toEqual([vm.fingerprint, "virtual-machine"]);
      }
    });
  });

  async function added(files: readonly string[], ...flags: readonly string[]): Promise<Headwater> {
    const headwater = await Headwater.create();
    await headwater.run("add", ...files, ...flags);
    return headwater;
  }

  async function serve(headwater: Headwater): Promise<ReadonlyMap<string, User>> {
    const serving = await headwater.serve();
    servers.push(serving);
    const known = await usersKnowing(serving.url, await serving.pem());
    return new Map(known.map((user) => [user.family, user]));
  }

  /** The files of a local image as `image export` names them: the metadata first. */
  async function exported(user: User, alias: string): Promise<string[]> {
    const target = join(await mkdtemp(join(folder, "target-")), "files");
    await mkdir(target);
    await user.run("image", "export", alias, join(target, "image"));
    return (await readdir(target)).sort().map((name) => join(target, name));
  }
});
