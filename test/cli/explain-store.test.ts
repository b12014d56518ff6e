import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOrMakeStore } from "../../src/compose.ts";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
beforeEach(async () => {
  site = await temporarySite();
});
afterEach(() => site.remove());

async function withImage(): Promise<void> {
  const added = await site.run(["add", ...(await site.files("one")), "--alias", "mine"]);
  expect(added.stderr).not.toMatch(/^headwater:/m);
  expect(added.status).toBe(0);
}

describe("headwater explain of the store", () => {
  it("explains what is served when nothing is named, and finds nothing against it", async () => {
    await withImage();
    const { status, stdout } = await site.run(["explain", "--fetch", "--strict"]);
    expect(stdout).toMatch(/Incus and LXD +1 image\n/);
    expect(stdout).not.toMatch(/^(?:error|warning) /m);
    expect(stdout).toMatch(/2 files fetched\.\n$/);
    expect(status).toBe(0);
  });

  it("takes one word as a name in it", async () => {
    await withImage();
    const { status, stdout } = await site.run(["explain", "mine"]);
    expect(status).toBe(0);
    expect(stdout).toContain("mine in ");
    expect(stdout).toMatch(/: an alias\n/);
    expect(await site.run(["explain", "yours"])).toMatchObject({ status: 3 });
  });

  it("takes the folder of a store for what it serves, and one image stream of it with --stream", async () => {
    await withImage();
    for (const argv of [[site.data], ["--stream", "images"], [site.data, "--stream", "images"]]) {
      const { status, stdout } = await site.run(["explain", ...argv, "--json"]);
      expect(status, argv.join(" ")).toBe(0);
      expect(JSON.parse(stdout), argv.join(" ")).toMatchObject({ kind: "store" });
    }
    const { status, stderr } = await site.run(["explain", "--stream", "none"]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/no image stream "none"\n +There are: images\./);
  });

  it("ends with 6 when there is no store, and with 3 when there is nothing in it", async () => {
    expect(await site.run(["explain"])).toMatchObject({ status: 6 });
    await openOrMakeStore(site.data);
    const { status, stderr } = await site.run(["explain"]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/lists nothing yet\n +Add an image/);
  });
});
