import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { busyboxRoot, metadataTarball, squashfs } from "./image-files.ts";
import { sha256OfFiles } from "./sample-images.ts";
import { type PrintedImage, daemons, usersKnowing } from "./user.ts";

interface Build {
  readonly files: readonly string[];
  readonly fingerprint: string;
  readonly marker: string;
}

describe.skipIf(inject("daemons") === undefined)("several versions", () => {
  let headwater: Headwater;
  let serving: Serving;
  let older: Build;
  let newer: Build;

  beforeEach(async () => {
    headwater = await Headwater.create();
    older = await build("older", Date.UTC(2026, 0, 5, 10, 30));
    newer = await build("newer", Date.UTC(2026, 0, 5, 11, 45));
    await headwater.run("add", ...older.files);
    serving = await headwater.serve();
  });
  afterEach(async () => {
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  test("an alias moves to the newer version while the server runs, and back with it removed", async () => {
    for (const user of await clients()) {
      expect(holders(await user.list("hw"), "debian/12")).toEqual([older.fingerprint]);
    }
    let before = await serving.document("/streams/v1/images.json");
    await headwater.run("add", ...newer.files);
    before = await serving.changed("/streams/v1/images.json", before);
    for (const user of await clients()) {
      const printed = await user.list("hw");
      expect(printed.map(({ fingerprint }) => fingerprint)).toEqual([newer.fingerprint, older.fingerprint]);
      expect(holders(printed, "debian/12")).toEqual([newer.fingerprint]);
      expect(printed[1]?.aliases).toBeNull();
      await user.launch("hw:debian/12", "new");
      expect(await user.exec("new", "cat", "/etc/marker")).toBe("newer\n");
      await user.launch(`hw:${older.fingerprint}`, "old");
      expect(await user.exec("old", "cat", "/etc/marker")).toBe("older\n");
      await user.run("delete", "--force", "new", "old");
    }

    await headwater.run("remove", newer.fingerprint);
    await serving.changed("/streams/v1/images.json", before);
    // A new server, since the daemons keep the index of this one for an hour.
    await serving.stop();
    serving = await headwater.serve();
    for (const user of await clients()) {
      const printed = await user.list("hw");
      expect(printed.map(({ fingerprint }) => fingerprint)).toEqual([older.fingerprint]);
      await user.launch("hw:debian/bookworm", "back");
      expect(await user.exec("back", "cat", "/etc/marker")).toBe("older\n");
    }
  });

  test("a daemon that still has the old list can launch from it after add, remove and prune", async () => {
    const users = await clients();
    // Launching by name makes the daemon read the list, which it then keeps for an hour.
    for (const user of users) {
      await user.launch("hw:debian/12", "c1");
      await user.run("delete", "--force", "c1");
    }
    await emptyDaemons(daemons());
    await headwater.run("add", ...newer.files);
    await headwater.run("remove", older.fingerprint);
    await headwater.run("prune");
    // What was added a moment before may be seen alone for a while.
    await expect.poll(() => serving.document("/streams/v1/images.json")).not.toContain(older.fingerprint);
    for (const user of users) {
      await user.launch("hw:debian/12", "c2");
      expect(await user.baseImage("c2")).toBe(older.fingerprint);
      expect(await user.exec("c2", "cat", "/etc/marker")).toBe("older\n");
    }
    // Whoever asks now sees the new one only.
    for (const user of await clients()) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([newer.fingerprint]);
    }
  });

  test("launches go on while others publish and prune", async () => {
    const stop = new AbortController();
    const publishing = (async () => {
      let published = 0;
      while (!stop.signal.aborted) {
        const other = await build(`other ${published}`, Date.UTC(2026, 1, 1, 0, published), "Other");
        await headwater.run("add", ...other.files);
        if (published % 3 === 2) await headwater.run("prune");
        published += 1;
      }
      return published;
    })();
    try {
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          (await clients()).map(async (user) => {
            await user.launch("hw:debian/12", `c${round}`);
            expect(await user.baseImage(`c${round}`)).toBe(older.fingerprint);
            expect(await user.exec(`c${round}`, "cat", "/etc/marker")).toBe("older\n");
          }),
        );
        await emptyDaemons(daemons());
      }
    } finally {
      stop.abort();
    }
    expect(await publishing).toBeGreaterThan(0);
  });

  test("an older generation is a remote of its own: /@1 lists and launches what it was", async () => {
    const before = await serving.document("/streams/v1/images.json");
    await headwater.run("add", ...newer.files);
    await serving.changed("/streams/v1/images.json", before);
    for (const user of await clients("/@1")) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([older.fingerprint]);
      await user.launch("hw:debian/12", "then");
      expect(await user.exec("then", "cat", "/etc/marker")).toBe("older\n");
    }
    for (const user of await clients("/@2")) {
      expect(holders(await user.list("hw"), "debian/12")).toEqual([newer.fingerprint]);
    }
  });

  test("one image stream is a remote of its own", async () => {
    for (const user of await clients("/images")) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([older.fingerprint]);
      await user.launch("hw:debian/12/default", "own");
      expect(await user.exec("own", "cat", "/etc/marker")).toBe("older\n");
    }
  });

  async function clients(path = ""): ReturnType<typeof usersKnowing> {
    return usersKnowing(`${serving.url}${path}`, await serving.pem());
  }
});

/** A build of one product, made at a time of its own. */
async function build(marker: string, at: number, os = "Debian"): Promise<Build> {
  const folder = await mkdtemp(join(daemons().folder, "build-"));
  const metadata = await metadataTarball(folder, {
    os,
    release: "bookworm",
    creationDate: at / 1000,
  });
  const root = await squashfs(await busyboxRoot(folder, marker), join(folder, "root.squashfs"));
  return { files: [metadata, root], fingerprint: await sha256OfFiles([metadata, root]), marker };
}

/** Which images have this alias. */
function holders(images: readonly PrintedImage[], alias: string): string[] {
  return images
    .filter(({ aliases }) => aliases?.some(({ name }) => name === alias) === true)
    .map(({ fingerprint }) => fingerprint);
}
