import { spawnSync } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { hasGpg } from "../signing/gpg.ts";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { type SampleImage, sampleImage } from "./sample-images.ts";
import { daemons, usersKnowing } from "./user.ts";

/** Incus and LXD do not look at signatures: a server that signs is to them a server like any other. */
describe.skipIf(inject("daemons") === undefined)("a server that signs what it publishes", () => {
  let folder: string;
  let headwater: Headwater;
  let image: SampleImage;
  let serving: Serving;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "signed-"));
    headwater = await Headwater.create();
    image = await sampleImage(folder, "container-squashfs");
    await headwater.run("add", ...image.files);
    await headwater.run("key", "new");
    serving = await headwater.serve();
  });
  afterEach(async () => {
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  test("both clients list and launch from it", async () => {
    for (const user of await usersKnowing(serving.url, await serving.pem())) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([image.fingerprint]);
      await user.launch(`hw:${image.alias}`, "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe(`${image.marker}\n`);
      expect(await user.baseImage("c1")).toBe(image.fingerprint);
      await emptyDaemons(daemons());
    }
  });

  test.skipIf(!hasGpg)("gpg, with the key that it exports, calls what it serves good", async () => {
    const [key, document] = [join(folder, "headwater.asc"), join(folder, "images.sjson")];
    await writeFile(key, await headwater.run("key", "export"));
    await writeFile(document, await serving.document("/streams/v1/images.sjson"));
    const gpg = (...args: string[]) =>
      spawnSync("gpg", ["--homedir", folder, "--batch", "--no-autostart", ...args], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], LC_ALL: "C" },
      });
    expect(gpg("--import", key).stderr).toContain("imported: 1");
    expect(gpg("--verify", document).stderr).toContain("Good signature");
  });
});
