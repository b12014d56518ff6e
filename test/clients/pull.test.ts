import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type Daemons, type Family, emptyDaemons } from "./daemons.ts";
import { freshPort } from "./fresh-port.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { metadataTarball } from "./image-files.ts";
import { OwnDaemon } from "./own-daemon.ts";
import { run } from "./program.ts";
import { SAMPLES, sampleImage } from "./sample-images.ts";
import { daemons, FAMILIES, User } from "./user.ts";

interface Taken {
  readonly source: string;
  readonly product: string;
  readonly version: string;
  readonly fingerprints: readonly string[];
  readonly aliases: readonly string[];
}

interface PullResult {
  readonly taken: readonly Taken[];
  readonly known: readonly string[];
  readonly left: readonly { readonly reason: string }[];
}

const OTHER: Readonly<Record<Family, Family>> = { incus: "lxd", lxd: "incus" };

/** The socket of one of the daemons of this run, as `headwater pull` is told. */
function socketOf(family: Family, run: Daemons = daemons()): string {
  return `unix:${join(family === "incus" ? run.incus : run.lxd, "unix.socket")}`;
}

describe.skipIf(inject("daemons") === undefined)("headwater pull", () => {
  let folder: string;
  let headwater: Headwater;
  let serving: Serving | undefined;
  let follower: ChildProcess | undefined;
  let own: OwnDaemon | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "pull-"));
    headwater = await Headwater.create();
  });
  afterEach(async () => {
    follower?.kill("SIGTERM");
    follower = undefined;
    await serving?.stop();
    serving = undefined;
    await own?.kill();
    own = undefined;
    await emptyDaemons(daemons());
  });

  async function pull(...args: readonly string[]): Promise<PullResult> {
    const [result] = (await headwater.json("pull", ...args)) as PullResult[];
    if (result === undefined) throw new Error("no result");
    return result;
  }

  /** A container that was made and changed in this user's daemon, and published there. */
  async function publishChanged(user: User, alias: string): Promise<string> {
    const sample = await sampleImage(folder, "container-squashfs", user.family);
    await user.run("image", "import", ...sample.files, "--alias", "base");
    await user.launch("base", "maker");
    const change = `changed in ${user.family}`;
    await user.exec("maker", "sh", "-c", `echo ${change} > /etc/marker; cat /etc/marker`);
    await user.run("publish", "maker", "--force", "--alias", alias);
    await user.run("delete", "--force", "maker");
    await user.run("image", "delete", "base");
    return `${change}\n`;
  }

  test.each(FAMILIES)(
    "a container changed and published in %s is launched by the other one, over both protocols",
    async (family) => {
      const maker = await User.create(family);
      const marker = await publishChanged(maker, "web-base");
      const { taken } = await pull(socketOf(family), "web-base");
      expect(taken).toHaveLength(1);
      expect(taken[0]).toMatchObject({
        product: expect.stringMatching(/^busy:container-squashfs:web-base:/),
      });
      const shown = await headwater.run("show", "web-base");
      expect(shown).toMatch(new RegExp(`Origin: +taken from ${family} on `));
      const [image] = await maker.localImages();
      serving = await headwater.serve();
      for (const other of [OTHER[family], family]) {
        const user = await User.create(other);
        await user.addRemote("simple", serving.url, await serving.pem());
        await user.addPublic("hw", serving.url);
        for (const remote of ["simple", "hw"]) {
          await user.launch(`${remote}:web-base`, "c1");
          expect(await user.exec("c1", "cat", "/etc/marker")).toBe(marker);
          expect(await user.baseImage("c1")).toBe(image?.fingerprint);
          await user.run("delete", "--force", "c1");
        }
        // What the daemon says about its own image, Headwater says too; aliases, `public` and `filename` are its own.
        const [listed] = await user.list("hw");
        const own = ["properties", "fingerprint", "size", "architecture", "type", "created_at", "expires_at"];
        for (const field of own) expect(listed?.[field], field).toEqual(image?.[field]);
      }
    },
  );

  test.each(FAMILIES)("every shape of image comes out of %s, once", async (family) => {
    const user = await User.create(family);
    for (const name of SAMPLES) {
      const sample = await sampleImage(folder, name);
      await user.run("image", "import", ...sample.files, "--alias", sample.alias);
    }
    const held = new Map((await user.localImages()).map((image) => [image.fingerprint, image]));
    const first = await pull(socketOf(family), "--all");
    expect(first.left).toEqual([]);
    expect(first.taken.map(({ source }) => source).toSorted()).toEqual([...held.keys()].toSorted());
    for (const { source, fingerprints, aliases } of first.taken) {
      const image = held.get(source);
      // A unified virtual machine is taken apart: neither LXD nor older Incus would list it as one.
      const isSplitHere = image?.properties["release"] === "unified-vm";
      if (!isSplitHere) expect(fingerprints).toEqual([source]);
      expect(aliases).toContain(image?.aliases?.[0]?.name);
    }
    const second = await pull(socketOf(family), "--all");
    expect(second.taken).toEqual([]);
    expect(second.known).toHaveLength(SAMPLES.length);
    expect(await headwater.run("verify")).toContain("all as promised");
  });

  test("two daemons with the same image make one entry, and what they had only cached stays out", async () => {
    const sample = await sampleImage(folder, "unified-container");
    const source = await Headwater.create();
    await source.run("add", ...(await sampleImage(folder, "container-tarball")).files);
    serving = await source.serve();
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.run("image", "import", ...sample.files, "--alias", "same");
      await user.addPublic("hw", serving.url);
      await user.launch("hw:busy/container-tarball", "c1");
      expect((await user.localImages()).length).toBe(2);
    }
    expect((await pull(socketOf("incus"), "--all")).taken).toHaveLength(1);
    const again = await pull(socketOf("lxd"), "--all");
    expect([again.taken, again.known.length]).toEqual([[], 1]);
    const cached = await pull(socketOf("lxd"), "--all", "--cached");
    expect(cached.taken).toMatchObject([{ aliases: [] }]);
    expect(await headwater.run("show", cached.taken[0]?.fingerprints[0] ?? "")).toContain(
      `which has it from ${serving.url}`,
    );
  });

  test.each(FAMILIES)(
    "a running instance and a snapshot of %s come without a trace left there",
    async (family) => {
      const user = await User.create(family);
      const sample = await sampleImage(folder, "container-squashfs");
      await user.run("image", "import", ...sample.files, "--alias", "base");
      await user.launch("base", "c1");
      await user.exec("c1", "sh", "-c", "echo before > /etc/marker; cat /etc/marker");
      await user.run(...(family === "incus" ? ["snapshot", "create"] : ["snapshot"]), "c1", "snap0");
      await user.exec("c1", "sh", "-c", "echo after > /etc/marker; cat /etc/marker");
      const before = await user.localImages();
      const snapshot = await pull(socketOf(family), "--instance", "c1/snap0", "--variant", "before");
      const running = await pull(socketOf(family), "--instance", "c1", "--variant", "after");
      expect((await user.localImages()).map((image) => image.fingerprint)).toEqual(
        before.map((image) => image.fingerprint),
      );
      expect(await user.run("query", "/1.0/instances/c1/snapshots")).not.toContain("headwater");
      serving = await headwater.serve();
      await user.addPublic("hw", serving.url);
      for (const [result, marker] of [
        [snapshot, "before\n"],
        [running, "after\n"],
      ] as const) {
        const name = result.taken[0]?.fingerprints[0] ?? "";
        await user.launch(`hw:${name}`, "c2");
        expect(await user.exec("c2", "cat", "/etc/marker")).toBe(marker);
        await user.run("delete", "--force", "c2");
      }
    },
  );

  test("what a killed pull had published under its mark goes with the next one", async () => {
    const user = await User.create("incus");
    const sample = await sampleImage(folder, "container-squashfs");
    await user.run("image", "import", ...sample.files, "--alias", "base");
    await user.run("init", "base", "c1");
    const pid = spawn("true").pid ?? 0;
    await user.run("publish", "c1", "--alias", `headwater-tmp-${hostname()}-${pid}-0123abcd`);
    // One that somebody gave a name of his own stays, whatever mark it has.
    await user.run(
      "publish",
      "c1",
      // Two of the same second would be one image.
      "note=named",
      "--alias",
      `headwater-tmp-${hostname()}-${pid}-456789ab`,
      "--alias",
      "mine",
    );
    expect(await user.localImages()).toHaveLength(3);
    const { taken } = await pull(socketOf("incus"), "--all");
    expect(taken.map(({ aliases }) => aliases)).toContainEqual(expect.arrayContaining(["mine"]));
    expect(await user.localImages()).toHaveLength(2);
  });

  test.each(FAMILIES)(
    "a remote %s gives strangers what is public, and the rest for a trust token",
    async (family) => {
      const user = await User.create(family);
      const address = `127.0.0.1:${await freshPort()}`;
      await user.run("config", "set", "core.https_address", address);
      try {
        const open = await sampleImage(folder, "container-tarball");
        const secret = await sampleImage(folder, "unified-container");
        await user.run("image", "import", ...open.files, "--alias", "open", "--public");
        await user.run("image", "import", ...secret.files, "--alias", "secret");
        const url = `https://${address}`;
        const stranger = await headwater.attempt("pull", url, "--all");
        expect(stranger).toMatchObject({ status: 9 });
        expect(stranger.stderr).toMatch(/fingerprint is [0-9a-f]{64}/);
        expect((await pull(url, "--all", "--accept-certificate")).taken).toHaveLength(1);
        const hidden = await headwater.attempt("pull", url, "secret");
        expect([hidden.status, hidden.stderr]).toEqual([3, expect.stringContaining("--token")]);
        const trust = [
          "config",
          "trust",
          "add",
          ...(family === "incus" ? ["builder"] : ["--name", "builder"]),
        ];
        const token = (await user.run(...trust)).trim().split("\n").at(-1) ?? "";
        const wrong = Buffer.from(token, "base64")
          .toString()
          .replace(/"secret":"[^"]+"/, '"secret":"0000"');
        const refused = await headwater.attempt(
          "pull",
          url,
          "secret",
          "--token",
          Buffer.from(wrong).toString("base64"),
        );
        expect(refused.status).toBe(9);
        expect(refused.stderr).toContain("The token may have been used");
        expect((await pull(url, "secret", "--token", token)).taken).toHaveLength(1);
        expect((await pull(url, "--all")).known).toHaveLength(2);
        const folders = await readdir(join(headwater.data, "daemons"));
        const key = await stat(join(headwater.data, "daemons", folders[0] ?? "", "client.key"));
        expect(key.mode & 0o777).toBe(0o600);
      } finally {
        await user.run("config", "unset", "core.https_address");
      }
    },
  );

  test("of 40 images, with the daemon killed in the middle, whole ones only; the next run takes the rest", async () => {
    own = await OwnDaemon.start();
    await importMany(own, 40);
    const ended = headwater.attempt("pull", `unix:${own.socket}`, "--all");
    await expect.poll(() => stagedIn(headwater), { timeout: 60_000, interval: 5 }).toBeGreaterThan(4);
    await own.kill();
    const { status, stderr } = await ended;
    expect([status, stderr]).toEqual([9, expect.stringContaining(own.socket)]);
    const listed = (await headwater.json("list")) as unknown[];
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.length).toBeLessThan(40);
    expect(await headwater.run("verify")).toContain("all as promised");
    await own.start();
    const rest = await pull(`unix:${own.socket}`, "--all");
    expect(rest.taken.length + listed.length).toBe(40);
    expect(rest.known).toHaveLength(listed.length);
    expect(await headwater.run("verify")).toContain("all as promised");
  });

  test("what is published is here seconds later, also after the daemon was away", async () => {
    own = await OwnDaemon.start();
    follower = spawn(
      "setpriv",
      [
        "--pdeathsig",
        "TERM",
        process.execPath,
        resolve("dist/cli/main.js"),
        "pull",
        `unix:${own.socket}`,
      ].concat(["--follow", "--data", headwater.data]),
      { env: { PATH: process.env["PATH"], ...headwater.env }, stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    follower.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await expect.poll(() => said, { timeout: 20_000 }).toContain("following");
    const first = await importOne(own, "first");
    await expect.poll(() => aliasesHere(headwater), { timeout: 10_000 }).toContain(`${first}=first`);
    await own.kill();
    await expect.poll(() => said, { timeout: 20_000 }).toMatch(/ended|nothing listens|no such socket/);
    await own.start();
    await expect.poll(() => said.split('"following"').length, { timeout: 30_000 }).toBeGreaterThan(2);
    const second = await importOne(own, "second");
    await expect.poll(() => aliasesHere(headwater), { timeout: 10_000 }).toContain(`${second}=second`);
    // An alias that names another image there names it here.
    await own.run("image", "alias", "rename", "second", "third");
    await own.run("image", "alias", "create", "second", first);
    await expect.poll(() => aliasesHere(headwater), { timeout: 10_000 }).toContain(`${first}=second`);
    const exited = new Promise((done) => follower?.once("exit", (code) => done(code)));
    follower.kill("SIGTERM");
    expect(await exited).toBe(0);
  });

  /** Unified containers that differ, of a size that takes a moment. */
  async function importMany(daemon: OwnDaemon, count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      await importOne(daemon, `many-${number}`, 12 * 1024 * 1024);
    }
  }

  /** The fingerprint. */
  async function importOne(daemon: OwnDaemon, name: string, bytes = 1000): Promise<string> {
    const at = join(folder, name);
    await mkdir(join(at, "root", "etc"), { recursive: true });
    await writeFile(join(at, "root", "etc", "marker"), randomBytes(bytes));
    const metadata = await metadataTarball(at, { os: "Busy", release: name });
    const root = join(at, "root.tar");
    await run("tar", ["--create", "--file", root, "--directory", join(at, "root"), "."]);
    await daemon.run("image", "import", metadata, root, "--alias", name);
    const images = JSON.parse(await daemon.run("image", "list", name, "--format", "json")) as {
      fingerprint: string;
    }[];
    return images[0]?.fingerprint ?? "";
  }
});

/** Finished files that are not listed yet. */
async function stagedIn({ data }: Headwater): Promise<number> {
  const incoming = join(data, "incoming");
  const inside = await readdir(incoming, { recursive: true }).catch(() => []);
  return inside.filter((name) => /\/[0-9a-f]{64}$/.test(name)).length;
}

async function aliasesHere(headwater: Headwater): Promise<string[]> {
  const images = (await headwater.json("list").catch(() => [])) as {
    fingerprint: string;
    aliases: string[];
  }[];
  return images.flatMap(({ fingerprint, aliases }) => aliases.map((alias) => `${fingerprint}=${alias}`));
}
