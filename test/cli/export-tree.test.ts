import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Site, temporarySite } from "./site.ts";

let site: Site;

beforeEach(async () => {
  site = await temporarySite();
  await site.json("add", ...(await site.files("a")));
});
afterEach(() => site.remove());

const INDEX = "www/streams/v1/index.json";

describe("headwater export-tree", () => {
  it("says what came and how, and the second time that there was nothing to do", async () => {
    const first = await site.run(["export-tree", "www"]);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(first.stdout).toMatch(/^Exported generation 1 to .*\/www: 2 files \(.*\)$/m);
    expect(first.stdout).toMatch(/^2 files \(.*\) brought \(.*(copied|linked)\)$/m);
    const second = await site.run(["export-tree", "www"]);
    expect(second.stdout).toContain("Nothing to do: it is so already.");
    expect((await site.run(["export-tree", "www", "--quiet"])).stdout).toBe("");
  });

  it("says all of it as JSON", async () => {
    await site.json("export-tree", "www", "--link", "copy");
    await site.json("remove", "tiny/1");
    await site.json("add", ...(await site.files("b")), "--os", "other");
    expect(await site.json("export-tree", "www", "--link", "hard")).toMatchObject({
      store: site.data,
      folder: join(site.folder, "www"),
      generation: 3,
      dryRun: false,
      listed: { files: 2 },
      come: { files: 2 },
      copiedBytes: 0,
      sharedFiles: 2,
      removed: { files: 0, bytes: 0 },
      leaving: { files: 3 },
      leavesAt: expect.stringMatching(/Z$/) as string,
      notHeld: [],
      omitted: [],
    });
    const { stdout } = await site.run(["export-tree", "www"]);
    expect(stdout).toMatch(/^3 files \(.*\) stay for those who have older lists; the next run after /m);
  });

  it("takes the grace period of the configuration, or the one of the command line", async () => {
    writeFileSync(join(site.data, "headwater.yaml"), "grace: 0\n");
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await site.json("export-tree", "www");
    await site.json("remove", "other/1");
    expect(await site.json("export-tree", "www", "--grace", "1h", "--dry-run")).toMatchObject({
      removed: { files: 0 },
      leaving: { files: 3 },
    });
    expect(await site.json("export-tree", "www")).toMatchObject({ removed: { files: 3 } });
    expect((await site.run(["export-tree", "www", "--grace", "soon"])).status).toBe(2);
  });

  it("says with --dry-run what would be, and writes nothing", async () => {
    const { status, stdout } = await site.run(["export-tree", "www", "--dry-run"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Would export generation 1 to /);
    expect(stdout).toMatch(/^Would be: 2 files .* brought$/m);
    expect(existsSync(join(site.folder, "www"))).toBe(false);
  });

  it("is refused in a folder with other files, with what to do, and told by its status", async () => {
    writeFileSync(join(site.folder, "mine"), "");
    const { status, stderr } = await site.run(["export-tree", "."], { cwd: site.folder });
    expect(status).toBe(10);
    expect(stderr).toContain("overlap");
    mkdirSync(join(site.folder, "others"));
    writeFileSync(join(site.folder, "others/mine"), "");
    const again = await site.run(["export-tree", "others"]);
    expect(again.status).toBe(10);
    expect(again.stderr).toMatch(/holds other files \(.*\)\.\n {2}Name an empty or a new folder; --force /);
    expect((await site.run(["export-tree", "www", "--stream", "nope"])).status).toBe(3);
    expect((await site.run(["export-tree", "www", "--generation", "7"])).status).toBe(3);
    expect((await site.run(["export-tree", "www", "--link", "soft"])).status).toBe(2);
    expect((await site.run(["export-tree"])).status).toBe(2);
  });
});

describe("headwater export-tree --check", () => {
  it("ends with 0 when the tree is what the store says, though files wait for the end of their grace", async () => {
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await site.json("export-tree", "www");
    await site.json("remove", "other/1");
    await site.json("export-tree", "www");
    const { status, stdout } = await site.run(["export-tree", "www", "--check"]);
    expect(stdout).toMatch(/is generation 3: 11 files \(.*\), all as the store says$/m);
    expect(stdout).toContain("3 files that nothing lists any more wait");
    expect(status).toBe(0);
  });

  it("names what is missing, differs or is extra, ends with 1, and changes nothing", async () => {
    await site.json("export-tree", "www");
    await rm(join(site.folder, INDEX));
    const sums = "www/images/tiny/1/amd64/default/20261121_0304/SHA256SUMS";
    const text = readFileSync(join(site.folder, sums), "utf8");
    writeFileSync(join(site.folder, sums), text.replace(/^./, text.startsWith("0") ? "1" : "0"));
    writeFileSync(join(site.folder, "www/robots.txt"), "");
    const { status, stdout } = await site.run(["export-tree", "www", "--check"]);
    expect(status).toBe(1);
    expect(stdout).toContain("missing: streams/v1/index.json\n");
    expect(stdout).toContain(`differs: ${sums.slice(4)}\n`);
    expect(stdout).toContain("extra: robots.txt\n");
    expect(stdout).toMatch(/^headwater export-tree \S+ --checksum puts right /m);
    expect(existsSync(join(site.folder, INDEX))).toBe(false);
    const json = await site.run(["export-tree", "www", "--check", "--json"]);
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      generation: 1,
      exported: 1,
      missing: ["streams/v1/index.json"],
      differing: [sums.slice(4)],
      extra: ["robots.txt"],
    });
    await site.json("export-tree", "www");
    await rm(join(site.folder, "www/robots.txt"));
    expect((await site.run(["export-tree", "www", "--check"])).status).toBe(0);
  });

  it("says that the store has gone on since", async () => {
    await site.json("export-tree", "www");
    await site.json("add", ...(await site.files("b")), "--os", "other");
    const { status, stdout } = await site.run(["export-tree", "www", "--check", "--quiet"]);
    expect(status).toBe(1);
    expect(stdout).toContain("The last export was of generation 1; the store is compared at 2.");
    expect((await site.run(["export-tree", "www", "--check", "--generation", "1"])).status).toBe(0);
  });

  it("is refused for the tree of something else, with what to say instead", async () => {
    await site.json("export-tree", "www", "--stream", "images");
    const { status, stderr } = await site.run(["export-tree", "www", "--check"]);
    expect(status).toBe(10);
    expect(stderr).toContain("Give --stream images, or name another folder;");
    expect((await site.run(["export-tree", "www", "--check", "--stream", "images"])).status).toBe(0);
  });

  it("goes with nothing that changes something, and needs a folder", async () => {
    expect((await site.run(["export-tree", "www", "--check", "--force"])).status).toBe(2);
    expect((await site.run(["export-tree", "www", "--check", "--dry-run"])).status).toBe(2);
    expect((await site.run(["export-tree", "www", "--check", "--checksum"])).status).toBe(2);
    expect((await site.run(["export-tree", "nowhere", "--check"])).status).toBe(10);
  });
});
