import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { linuxcontainersStandIn, type StandIn, ubuntuStandIn } from "./stand-ins.ts";
import { serveTree, type StaticTree } from "./static-tree.ts";
import { daemons, type User, usersKnowing } from "./user.ts";

const OTHERS = 3000;

/** Stand-ins of the public servers, and both clients behind a mirror and behind a cache of them. */
describe.skipIf(inject("daemons") === undefined)("upstreams", () => {
  let folder: string;
  let headwater: Headwater;
  let upstream: StaticTree | undefined;
  let serving: Serving | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "upstream-"));
    headwater = await Headwater.create();
  });
  afterEach(async () => {
    await serving?.stop();
    await upstream?.close();
    serving = undefined;
    upstream = undefined;
    await emptyDaemons(daemons());
  });

  /** Serves the stand-in and adds it. */
  async function add(standIn: StandIn, ...options: readonly string[]): Promise<string> {
    upstream = await serveTree(standIn.folder, standIn.documents);
    const ca = join(folder, "ca.pem");
    await writeFile(ca, upstream.pem);
    return headwater.run("upstream", "add", upstream.url, "--name", "ubuntu", "--ca", ca, ...options);
  }

  async function clients(): Promise<User[]> {
    serving = await headwater.serve();
    return usersKnowing(serving.url, await serving.pem());
  }

  test("official-shaped Ubuntu images, listed for LXD only, come from a mirror to Incus and to LXD", async () => {
    const standIn = await ubuntuStandIn(folder, OTHERS);
    await add(
      standIn,
      "--mode",
      "mirror",
      "--select",
      "release=noble ftype=lxd.tar.xz,squashfs,disk1.img",
      "--keep",
      "2",
    );
    expect(await headwater.run("sync")).toContain("2 images, 3 files");
    expect(await headwater.run("verify")).toContain("all as promised");
    const users = await clients();
    await upstream?.close();
    for (const user of users) {
      const printed = await user.list("hw");
      expect(new Map(printed.map(({ type, fingerprint }) => [type, fingerprint]))).toEqual(
        new Map([
          ["container", standIn.fingerprints["squashfs"]],
          ["virtual-machine", standIn.fingerprints["disk1.img"]],
        ]),
      );
      const [container] = printed;
      expect(container?.properties).toMatchObject({
        os: "ubuntu",
        release: "noble",
        version: "24.04",
        label: "release",
      });
      expect((await user.export("hw:24.04")).map(({ sha256 }) => sha256)).toHaveLength(2);
      await user.launch("hw:lts", "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("noble\n");
      expect(await user.baseImage("c1")).toBe(standIn.fingerprints["squashfs"]);
      await user.run("image", "copy", "hw:noble", "local:", "--vm");
      const local = await user.localImages();
      expect(local.map(({ fingerprint }) => fingerprint)).toContain(standIn.fingerprints["disk1.img"]);
    }
  });

  test("a mirror of everything is the upstream's own tree, colons and all, and each client launches from it", async () => {
    const standIn = await linuxcontainersStandIn(folder);
    await add(standIn, "--mode", "mirror", "--no-twins");
    await headwater.run("sync");
    const users = await clients();
    for (const [path, document] of standIn.documents) {
      expect(await serving?.document(`/ubuntu/${path}`)).toBe(JSON.stringify(document));
    }
    await upstream?.close();
    for (const user of users) {
      await user.launch("hw:debian/12", "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("bookworm\n");
    }
    // The image stream's own root is a drop-in for the upstream.
    for (const user of users) {
      await user.addRemote("own", `${serving?.url ?? ""}/ubuntu`, (await serving?.pem()) ?? "");
      expect((await user.list("own")).map(({ fingerprint }) => fingerprint)).toEqual([
        standIn.fingerprints["squashfs"],
      ]);
    }
  });

  test("a cache lists thousands and fetches a file once when both daemons launch it at the same moment", async () => {
    const standIn = await ubuntuStandIn(folder, OTHERS);
    expect(await add(standIn)).toContain(`${OTHERS + 3} images are listed`);
    const users = await clients();
    for (const user of users) expect(await user.list("hw")).toHaveLength(OTHERS + 3);
    const before = (upstream?.requests ?? []).length;
    await Promise.all(users.map((user) => user.launch("hw:24.04", "c1")));
    for (const user of users) {
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("noble\n");
      expect(await user.baseImage("c1")).toBe(standIn.fingerprints["squashfs"]);
    }
    const root = standIn.paths.find((path) => path.endsWith(".squashfs")) ?? "";
    const metadata = standIn.paths.find((path) => path.endsWith("lxd.tar.xz")) ?? "";
    const asked = (path: string) =>
      (upstream?.requests ?? []).filter((request) => request === `/${path}`).length;
    expect(asked(root)).toBe(1);
    expect(asked(metadata)).toBe(1);
    expect((upstream?.requests ?? []).length).toBeGreaterThan(before);

    // The upstream is gone: what is here goes on, what is not says so.
    await upstream?.close();
    await emptyDaemons(daemons());
    for (const user of users) {
      expect(await user.list("hw", "noble")).not.toEqual([]);
      await user.launch("hw:24.04", "c2");
      expect(await user.exec("c2", "cat", "/etc/marker")).toBe("noble\n");
      const { status, stderr } = await user.attempt("image", "copy", "hw:24.04", "local:", "--vm");
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/504|Gateway Timeout/);
    }
    expect(await headwater.run("verify")).toContain("all as promised");
  });

  test("offline, a cache lists what it holds and asks nobody", async () => {
    const standIn = await ubuntuStandIn(folder, 10);
    await add(standIn);
    const users = await clients();
    await users[0]?.launch("hw:24.04", "c1");
    await upstream?.close();
    await headwater.run("upstream", "set", "ubuntu", "--offline");
    await headwater.run("sync");
    await serving?.stop();
    await emptyDaemons(daemons());
    for (const user of await clients()) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([
        standIn.fingerprints["squashfs"],
      ]);
      await user.launch("hw:24.04", "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("noble\n");
    }
  });
});
