import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { SAMPLES, type SampleImage, sampleImage, sha256OfFiles } from "./sample-images.ts";
import { serveTree } from "./static-tree.ts";
import { ubuntuStandIn } from "./stand-ins.ts";
import { daemons, FAMILIES, type PrintedImage, User } from "./user.ts";

/** Where the answer has to differ from that of a daemon which holds the same image, and why. */
const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ["aliases", "Headwater adds the standard ones, those with an architecture, and /vm"],
  [
    "filename",
    "the daemon keeps what the file was called when it was imported; here it has to say what it is",
  ],
  ["uploaded_at", "each server tells when it got the image itself"],
]);

function withoutDifferent(image: PrintedImage): Record<string, unknown> {
  const same = Object.entries(image).filter(([field]) => !DIFFERENT.has(field));
  // Of an image from files, Incus writes the beginning of 1970 for "never", and LXD the year 1.
  const isNever = Date.parse(image.expires_at) <= 0;
  return { ...Object.fromEntries(same), expires_at: isNever ? "never" : image.expires_at };
}

describe.skipIf(inject("daemons") === undefined)("a --public remote", () => {
  let folder: string;
  let headwater: Headwater;
  let serving: Serving;
  let fingerprint: string;
  const samples: SampleImage[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(daemons().folder, "api-"));
    headwater = await Headwater.create();
    for (const name of SAMPLES) samples.push(await sampleImage(folder, name));
    for (const { files } of samples) await headwater.run("add", ...files);
    serving = await headwater.serve();
    const certificate = (await headwater.json("certificate", "show")) as { fingerprint: string };
    ({ fingerprint } = certificate);
  });
  afterAll(() => serving?.stop());
  afterEach(() => emptyDaemons(daemons()));

  async function users(): Promise<User[]> {
    return Promise.all(
      FAMILIES.map(async (family) => {
        const user = await User.create(family);
        expect(await user.addPublic("hw", serving.url)).toContain(`Certificate fingerprint: ${fingerprint}`);
        return user;
      }),
    );
  }

  test("is added with the client's own question, and every image is listed, shown, exported and copied", async () => {
    for (const user of await users()) {
      const listed = await user.list("hw");
      expect(listed.length, user.family).toBe(SAMPLES.length);
      for (const sample of samples) {
        const image = listed.find(({ properties }) => properties["release"] === sample.name);
        expect(image).toMatchObject({ type: sample.type, public: true, properties: { os: "Busy" } });
        if (sample.fingerprint !== undefined) expect(image?.fingerprint).toBe(sample.fingerprint);
        const name = `hw:${sample.alias}`;
        expect(await user.run("image", "info", name)).toContain(`Fingerprint: ${image?.fingerprint ?? ""}`);
        expect(await user.run("image", "show", name)).toContain("public: true");
        const files = await user.export(name, ...(sample.type === "virtual-machine" ? ["--vm"] : []));
        const sums = files.map(({ sha256 }) => sha256);
        if (sample.name === "unified-container") expect(sums).toEqual([sample.fingerprint]);
        else expect(files).toHaveLength(2);
        if (sample.disk !== undefined) expect(sums).toContain(sample.disk);
        await user.run(
          "image",
          "copy",
          name,
          "local:",
          ...(sample.type === "virtual-machine" ? ["--vm"] : []),
        );
        const copied = await user.localImages();
        expect(copied.map((one) => [one.fingerprint, one.type])).toContainEqual([
          image?.fingerprint,
          sample.type,
        ]);
      }
      const aliases = await user.run("image", "alias", "list", "hw:", "--format", "csv");
      for (const { alias } of samples) expect(aliases).toContain(`${alias},`);
    }
  });

  test("launches by alias, by short and by whole fingerprint, and what was made is in it", async () => {
    const sample = samples[0];
    if (sample?.fingerprint === undefined) throw new Error("no sample");
    for (const user of await users()) {
      const names = [
        sample.alias,
        `${sample.alias}/amd64`,
        sample.fingerprint.slice(0, 8),
        sample.fingerprint,
      ];
      const [first = "", ...others] =
        process.arch === "x64" ? names : names.filter((name) => !name.endsWith("/amd64"));
      await user.launch(`hw:${first}`, "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
      for (const name of others) {
        expect(await user.run("image", "info", `hw:${name}`)).toContain(`Fingerprint: ${sample.fingerprint}`);
      }
    }
  });

  test("finds virtual machines under their alias and under alias/vm, and filters", async () => {
    for (const user of await users()) {
      for (const name of ["busy/vm-disk", "busy/vm-disk/vm", "busy/unified-vm/default/vm"]) {
        expect(await user.run("image", "info", `hw:${name}`)).toContain("Type: virtual-machine");
      }
      const count = async (...filters: string[]): Promise<number> =>
        (await user.list("hw", ...filters)).length;
      expect(await count("type=virtual-machine")).toBe(2);
      expect(await count("release=vm-disk")).toBe(1);
      expect(await count("os=Busy")).toBe(SAMPLES.length);
      expect(await count("busy/vm-disk")).toBe(1);
      expect(await count("os=Nobody")).toBe(0);
    }
  });

  test("says what it has not got in the words of a daemon", async () => {
    for (const user of await users()) {
      const missing = await user.attempt("launch", "hw:nothing/here", "c1");
      expect(missing.status).not.toBe(0);
      expect(`${missing.stderr}${missing.stdout}`).toMatch(/not found/i);
      const instances = await user.attempt("list", "hw:");
      expect(`${instances.stderr}${instances.stdout}`).toMatch(/isn't a private (?:LXD )?server/);
      // Added without --public: the server says itself that it is one.
      const plain = await user.answering("y\n", "remote", "add", "plain", serving.url);
      expect(plain).toMatchObject({ status: 0 });
      expect(await user.list("plain")).toHaveLength(SAMPLES.length);
    }
  });

  test("answers as a daemon does that holds the same image, field by field", async () => {
    for (const user of await users()) {
      const listed = new Map((await user.list("hw")).map((image) => [image.fingerprint, image]));
      for (const sample of samples) {
        if (sample.fingerprint === undefined) continue;
        await user.run("image", "import", ...sample.files, "--alias", "same", "--public");
        const own = (await user.localImages()).find((image) => image.fingerprint === sample.fingerprint);
        const ours = listed.get(sample.fingerprint);
        if (own === undefined || ours === undefined) throw new Error(`${sample.name} is not there`);
        expect(withoutDifferent(ours), sample.name).toEqual(withoutDifferent(own));
        await user.run("image", "delete", sample.fingerprint);
      }
    }
  });
});

describe.skipIf(inject("daemons") === undefined)("a --public remote over time", () => {
  let folder: string;
  let headwater: Headwater;
  let serving: Serving | undefined;

  afterEach(async () => {
    await serving?.stop();
    serving = undefined;
    await emptyDaemons(daemons());
  });

  async function start(): Promise<void> {
    folder = await mkdtemp(join(daemons().folder, "api-time-"));
    headwater = await Headwater.create();
  }

  test("a copy with --auto-update takes the newer version, also after the certificate was renewed", async () => {
    await start();
    const builds = await Promise.all(
      ["first", "second", "third"].map(async (build, at) => {
        const sample = await sampleImage(folder, "container-squashfs", build);
        return { sample, version: `2026010${at + 1}_1000` };
      }),
    );
    const [first, second, third] = builds;
    if (first === undefined || second === undefined || third === undefined) throw new Error("no builds");
    const add = ({ sample, version }: typeof first) =>
      headwater.run("add", ...sample.files, "--version", version);
    await add(first);
    serving = await headwater.serve();
    const { url } = serving;
    const users = await Promise.all(
      FAMILIES.map(async (family) => {
        const user = await User.create(family);
        await user.addPublic("hw", url);
        await user.run(
          "image",
          "copy",
          `hw:${first.sample.alias}`,
          "local:",
          "--auto-update",
          "--alias",
          "mine",
        );
        return user;
      }),
    );
    const refreshed = async (user: User, expected: string | undefined): Promise<void> => {
      await expect
        .poll(
          async () => {
            await user.attempt("image", "refresh", "mine");
            const images = await user.localImages();
            return images.find(({ aliases }) => aliases?.some(({ name }) => name === "mine"))?.fingerprint;
          },
          { timeout: 30_000, interval: 500 },
        )
        .toBe(expected);
    };
    for (const user of users) await refreshed(user, first.sample.fingerprint);
    await add(second);
    for (const user of users) await refreshed(user, second.sample.fingerprint);
    const before = await serving.pem();
    await headwater.run("certificate", "renew", "--name", "images.example");
    await expect.poll(() => serving?.pem(), { timeout: 20_000 }).not.toBe(before);
    await add(third);
    for (const user of users) await refreshed(user, third.sample.fingerprint);
  });

  test("an image that is at the upstream is listed, and comes when somebody launches it", async () => {
    await start();
    const standIn = await ubuntuStandIn(folder, 10);
    const upstream = await serveTree(standIn.folder, standIn.documents);
    try {
      const ca = join(folder, "ca.pem");
      await writeFile(ca, upstream.pem);
      await headwater.run("upstream", "add", upstream.url, "--name", "ubuntu", "--ca", ca);
      serving = await headwater.serve();
      for (const family of FAMILIES) {
        const user = await User.create(family);
        await user.addPublic("hw", serving.url);
        const squashfs = standIn.fingerprints["squashfs"];
        expect((await user.list("hw")).map((image) => image.fingerprint)).toContain(squashfs);
        await user.launch("hw:24.04", "c1");
        expect(await user.baseImage("c1")).toBe(squashfs);
        const files = await user.export(`hw:${squashfs ?? ""}`);
        const folderOfExport = await mkdtemp(join(folder, "export-"));
        const paths: string[] = [];
        for (const { name, bytes } of files.toSorted((a, b) =>
          a.name.startsWith("meta") ? -1 : b.name.startsWith("meta") ? 1 : 0,
        )) {
          paths.push(join(folderOfExport, name));
          await writeFile(join(folderOfExport, name), bytes);
        }
        expect(await sha256OfFiles(paths)).toBe(squashfs);
      }
    } finally {
      await upstream.close();
    }
  });
});
