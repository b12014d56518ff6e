import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { commandsFor } from "./printed-commands.ts";
import { type SampleImage, sampleImage } from "./sample-images.ts";
import { FAMILIES, User, daemons, usersKnowing } from "./user.ts";

const GONE = "410 Gone: Generation 1 is no longer kept here";

/** Remotes that stay at one generation while others publish. */
describe.skipIf(inject("daemons") === undefined)("a frozen remote", () => {
  let folder: string;
  let headwater: Headwater;
  let first: SampleImage;
  let serving: Serving;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "frozen-"));
    headwater = await Headwater.create();
    first = await sampleImage(folder, "container-squashfs");
    await headwater.run("add", ...first.files, "--version", "20260101_0000");
  });
  afterEach(async () => {
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  /** Ten new builds behind the same alias, each a generation. */
  async function publishTen(): Promise<void> {
    for (let number = 1; number <= 10; number++) {
      const next = await sampleImage(folder, "container-squashfs", `build ${number}`);
      await headwater.run("add", ...next.files, "--version", `202602${String(number).padStart(2, "0")}_0000`);
    }
    await expect.poll(() => serving.document("/healthz")).toContain('"generation":11');
  }

  test.each([
    ["as it comes", []],
    ["with two processes, and image files also over plain HTTP", ["--workers", "2", "--plain", "all"]],
  ])("%s: both clients list and launch the same image after ten publications", async (_how, flags) => {
    serving = await headwater.serve(...flags);
    const pem = await serving.pem();
    const [before, after] = [
      await usersKnowing(`${serving.url}/@1`, pem),
      () => usersKnowing(`${serving.url}/@1`, pem),
    ];
    for (const user of before) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([first.fingerprint]);
    }
    await publishTen();
    expect(await headwater.run("diff", "1")).toMatch(/^Aliases:\n.*: now .*; before, /m);
    for (const user of [...before, ...(await after())]) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([first.fingerprint]);
      await user.launch(`hw:${first.alias}`, "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe(`${first.marker}\n`);
      expect(await user.baseImage("c1")).toBe(first.fingerprint);
      await emptyDaemons(daemons());
    }
    // The newest has moved on.
    for (const user of await usersKnowing(serving.url, pem)) {
      const [newest] = await user.list("hw");
      expect(newest?.fingerprint).not.toBe(first.fingerprint);
    }
    // One image stream of it alone.
    for (const user of await usersKnowing(`${serving.url}/@1/images`, pem)) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([first.fingerprint]);
      await user.launch(`hw:${first.alias}`, "own");
    }
  });

  test.each(FAMILIES)("%s: pasting what its page prints adds it", async (family) => {
    serving = await headwater.serveAsLocalhost();
    const user = await User.create(family);
    const page = await serving.document("/@1");
    expect(await user.paste(commandsFor(family, page))).toContain(first.fingerprint?.slice(0, 12));
    await user.launch(`frozen:${first.alias}`, "c1");
    expect(await user.baseImage("c1")).toBe(first.fingerprint);
  });

  test("that is given up says so in what both clients print", async () => {
    serving = await headwater.serve();
    const pem = await serving.pem();
    const known = await usersKnowing(`${serving.url}/@1`, pem);
    // Launching by name makes the daemon read the list, which it then keeps for an hour.
    for (const user of known) await user.launch(`hw:${first.alias}`, "before");
    await emptyDaemons(daemons());
    await headwater.run("remove", first.alias);
    await headwater.run("prune", "--grace", "0", "--free-now");
    await expect.poll(async () => (await serving.get("/@1/streams/v1/index.json")).status).toBe(410);
    for (const user of known) {
      const outcome = await user.attempt("launch", `hw:${first.alias}`, "after");
      expect(outcome.stderr).toContain(GONE);
      expect(await user.run("list", "--format", "csv", "--columns", "n")).toBe("");
    }
    // A daemon that has not read the list.
    await serving.stop();
    serving = await headwater.serve();
    for (const user of await usersKnowing(`${serving.url}/@1`, pem)) {
      const asked = [
        ["image", "list", "hw:"],
        ["launch", `hw:${first.alias}`, "c1"],
        ["image", "copy", `hw:${first.alias}`, "local:"],
      ];
      for (const line of asked) {
        const outcome = await user.attempt(...line);
        expect([line, outcome.status]).not.toEqual([line, 0]);
        expect(outcome.stderr).toContain(GONE);
      }
      const never = await User.create(user.family);
      await never.addRemote("hw", `${serving.url}/@99`, pem);
      const outcome = await never.attempt("image", "list", "hw:");
      expect(outcome.stderr).toContain("404 Not Found: There is no generation of that number or day");
    }
  });
});
