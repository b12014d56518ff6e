import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { commandsFor } from "./printed-commands.ts";
import { type SampleImage, sampleImage } from "./sample-images.ts";
import { FAMILIES, User, daemons } from "./user.ts";

describe.skipIf(inject("daemons") === undefined)("trust", () => {
  let headwater: Headwater;
  let sample: SampleImage;
  let serving: Serving | undefined;

  beforeEach(async () => {
    headwater = await Headwater.create();
    sample = await sampleImage(await mkdtemp(join(daemons().folder, "sample-")), "container-squashfs");
    await headwater.run("add", ...sample.files);
  });
  afterEach(async () => {
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  test.each(FAMILIES)("%s: the printed commands, pasted into a shell, are all it takes", async (family) => {
    serving = await headwater.serveAsLocalhost();
    const user = await User.create(family);
    const printed = await user.paste(commandsFor(family, serving.output()));
    expect(printed).toContain(sample.fingerprint?.slice(0, 12));
    await user.launch(`hw:${sample.alias}`, "c1");
    expect(await user.exec("c1", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
  });

  test.each(FAMILIES)("%s: what `certificate show` prints does the same", async (family) => {
    serving = await headwater.serveAsLocalhost();
    const shown = await headwater.run("certificate", "show");
    const user = await User.create(family);
    expect(await user.paste(commandsFor(family, shown))).toContain(sample.fingerprint?.slice(0, 12));
  });

  test.each(FAMILIES)("%s refuses a server it was not told to trust", async (family) => {
    serving = await headwater.serve();
    const user = await User.create(family);
    await user.run("remote", "add", "hw", serving.url, "--protocol", "simplestreams");
    const outcome = await user.attempt("image", "list", "hw:", "--format", "json");
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toContain("x509");
  });

  test("a certificate issued again with one more name: both clients go on listing and launching", async () => {
    serving = await headwater.serve();
    const before = await serving.pem();
    const users = await Promise.all(FAMILIES.map((family) => User.create(family)));
    for (const user of users) {
      await user.addRemote("hw", serving.url, before);
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([sample.fingerprint]);
    }

    await headwater.run("certificate", "renew", "--name", "new.example");
    const after = await serving.changed("/ca.pem", before);
    expect(after).not.toBe(before);
    // The users still hold the old one; a new home each, since Incus would not ask again for five minutes.
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("hw", serving.url, before);
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([sample.fingerprint]);
      await user.launch(`hw:${sample.alias}`, "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
    }

    // And a server started on the new certificate is the same server to them.
    await serving.stop();
    serving = await headwater.serve();
    expect(await serving.pem()).toBe(after);
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("hw", serving.url, before);
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([sample.fingerprint]);
    }
  });
});
