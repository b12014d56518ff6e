import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { debootstrapSquashfs, metadataTarball } from "./image-files.ts";
import { sha256OfFiles } from "./sample-images.ts";
import { FAMILIES, type User, daemons, usersKnowing } from "./user.ts";

/** A whole distribution of about 90 MB, as somebody makes it with debootstrap. Kept between runs: making it takes half a minute. */
const CACHE = process.env["HEADWATER_CI_CACHE"] ?? join(tmpdir(), "headwater-ci");

describe.skipIf(inject("daemons") === undefined)("a Debian root made by debootstrap", () => {
  let serving: Serving | undefined;
  let users: readonly User[];
  let fingerprint: string;

  beforeAll(async () => {
    const folder = await mkdtemp(join(daemons().folder, "debian-"));
    const root = await debootstrapSquashfs(CACHE);
    const metadata = await metadataTarball(folder, { os: "Debian", release: "bookworm" });
    fingerprint = await sha256OfFiles([metadata, root]);
    const headwater = await Headwater.create();
    await headwater.run("add", metadata, root);
    serving = await headwater.serve();
    users = await usersKnowing(serving.url, await serving.pem());
  }, 600_000);
  afterAll(async () => {
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  test.each(FAMILIES)("%s launches it, and it is Debian", async (family) => {
    const user = users.find((one) => one.family === family);
    if (user === undefined) throw new Error(`no ${family} user`);
    expect((await user.list("hw")).map((image) => image.fingerprint)).toEqual([fingerprint]);
    await user.launch("hw:debian/12", "deb");
    expect(await user.baseImage("deb")).toBe(fingerprint);
    expect(await user.exec("deb", "cat", "/etc/os-release")).toContain("VERSION_CODENAME=bookworm");
    expect(await user.exec("deb", "dpkg-query", "--show", "--showformat", "${Status}", "apt")).toBe(
      "install ok installed",
    );
  });
});
