import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { wrongFiles } from "../export/tree/walk-tree.ts";
import { emptyDaemons } from "./daemons.ts";
import { freshPort } from "./fresh-port.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { startNginx } from "./nginx.ts";
import { run } from "./program.ts";
import { SAMPLES, type SampleImage, type SampleName, sampleImage } from "./sample-images.ts";
import { selfSigned } from "./static-tree.ts";
import { daemons, usersKnowing } from "./user.ts";

/** From one site to another, as the how-to carries images. */
describe.skipIf(inject("daemons") === undefined)("a bundle", () => {
  let folder: string;
  let sender: Headwater;
  let receiver: Headwater;
  let serving: Serving | undefined;
  let nginx: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "bundle-"));
    sender = await Headwater.create();
    receiver = await Headwater.create();
  });
  afterEach(async () => {
    nginx?.kill("SIGTERM");
    nginx = undefined;
    await serving?.stop();
    serving = undefined;
    await emptyDaemons(daemons());
  });

  async function add(...names: readonly SampleName[]): Promise<SampleImage[]> {
    const samples: SampleImage[] = [];
    for (const name of names) samples.push(await sampleImage(folder, name));
    for (const { files } of samples) await sender.run("add", ...files);
    return samples;
  }

  /** What both clients list of a server, and that containers start from there. */
  async function expectLaunches(url: string, pem: string, samples: readonly SampleImage[]): Promise<void> {
    for (const user of await usersKnowing(url, pem)) {
      const listed = await user.list("hw");
      expect(listed.map(({ fingerprint }) => fingerprint)).toEqual(
        expect.arrayContaining(samples.flatMap(({ fingerprint }) => fingerprint ?? [])),
      );
      expect(new Set(listed.map(({ fingerprint }) => fingerprint)).size).toBe(samples.length);
      for (const { alias, type, marker, name } of samples) {
        if (type !== "container") continue;
        await user.launch(`hw:${alias}`, name);
        expect(await user.exec(name, "cat", "/etc/marker")).toBe(`${marker}\n`);
        await user.run("delete", "--force", name);
      }
    }
    await emptyDaemons(daemons());
  }

  test("signed, cut into parts and applied elsewhere: both clients launch all shapes there", async () => {
    const samples = await add(...SAMPLES);
    await sender.run("key", "new");
    const keyring = join(folder, "sender.asc");
    await writeFile(keyring, await sender.run("key", "export"));
    const file = join(folder, "site.hwb");
    await sender.run("bundle", "create", file, "--part-size", "1MB");
    expect((await readdir(folder)).filter((name) => name.startsWith("site.hwb.")).length).toBeGreaterThan(2);
    await run("sha256sum", ["--check", "--strict", "site.hwb.sha256"], { cwd: folder });
    expect(await receiver.run("bundle", "apply", `${file}.001`, "--keyring", keyring)).toContain(
      "signed by the key",
    );
    serving = await receiver.serve();
    await expectLaunches(serving.url, await serving.pem(), samples);
    const here = await sender.serve();
    const [ours, theirs] = await Promise.all(
      [here, serving].map(async ({ url }) => {
        const pem = url === here.url ? await here.pem() : await serving?.pem();
        return Promise.all(
          (await usersKnowing(url, pem ?? "")).map(async (user) =>
            (await user.list("hw")).map(({ fingerprint, aliases }) => ({ fingerprint, aliases })),
          ),
        );
      }),
    );
    await here.stop();
    expect(theirs).toEqual(ours);
  });

  test("and an increment: what it brings is launched, what it left out was there, what is gone is not listed", async () => {
    const [first] = await add("container-squashfs");
    const [old, next] = [join(folder, "old.hwb"), join(folder, "next.hwb")];
    await sender.run("bundle", "create", old);
    await receiver.run("bundle", "apply", old, "--allow-untrusted");
    const samples = await add("container-tarball", "unified-container");
    await sender.run("bundle", "create", next, "--since", old);
    await receiver.run("bundle", "apply", next, "--allow-untrusted");
    serving = await receiver.serve();
    await expectLaunches(serving.url, await serving.pem(), [
      ...(first === undefined ? [] : [first]),
      ...samples,
    ]);
  });

  test("unpacked with tar satisfies incus-simplestreams, and nginx serves it to both clients", async () => {
    const samples = await add(...SAMPLES);
    const file = join(folder, "site.hwb");
    await sender.run("bundle", "create", file);
    const www = join(folder, "www");
    await mkdir(www);
    await run("tar", ["xf", file, "-C", www]);
    for (const root of [www, join(www, "images")]) {
      expect(await wrongFiles(root)).toEqual([]);
      await run("incus-simplestreams", ["verify"], { cwd: root });
    }
    const { key, pem } = await selfSigned();
    const both = join(folder, "certificate.pem");
    await writeFile(both, pem + key);
    const port = await freshPort();
    const tls = `listen 127.0.0.1:${port} ssl; ssl_protocols TLSv1.3; ssl_certificate ${both}; ssl_certificate_key ${both};`;
    nginx = await startNginx(folder, `server { ${tls} root ${www}; }\n`, port);
    await expectLaunches(`https://127.0.0.1:${port}`, pem, samples);
  });
});
