import { readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HostileSite, startSite } from "../upstream/hostile-site.ts";
import { INDEX, pathsOf, PRODUCTS, tinyUpstream } from "../intake/sync/tiny-upstream.ts";
import { type Site, temporarySite } from "./site.ts";

const VERSION = { version: "20260101_0000" };
const { root } = pathsOf(VERSION);

let site: Site;
let upstream: HostileSite;
let ca: string;

beforeEach(async () => {
  site = await temporarySite();
  upstream = await startSite({ files: tinyUpstream([VERSION]) });
  ca = join(site.folder, "ca.pem");
  await writeFile(ca, upstream.ca ?? "");
});
afterEach(async () => {
  await upstream.close();
  await site.remove();
});

function add(...options: readonly string[]) {
  return site.run(["upstream", "add", upstream.url, "--name", "up", "--ca", ca, ...options]);
}

describe("headwater upstream add", () => {
  it("lists a cache at once", async () => {
    const { status, stdout } = await add();
    expect(status).toBe(0);
    expect(stdout).toContain("Added up (cache).");
    expect(stdout).toContain("1 images are listed");
    expect(await site.json("list")).toMatchObject([
      { stream: "up", origin: "cache", held: false, product: "busy" },
    ]);
  });

  it("says what a sync of a mirror would download, and downloads nothing", async () => {
    const { stdout } = await add("--mode", "mirror");
    expect(stdout).toMatch(/A sync downloads 1 images in 2 files, 3 KiB: headwater sync up\./);
    expect(await site.json("list")).toEqual([]);
    expect(upstream.log.some(({ path }) => path === root)).toBe(false);
  });

  it("writes nothing down when the upstream does not answer as one", async () => {
    upstream.misbehave(INDEX, { kind: "html" });
    const { status, stderr } = await add();
    expect(status).toBe(9);
    expect(stderr).toContain("expected JSON");
    expect(await site.json("upstream", "list")).toEqual([]);
    expect((await add("--no-check")).status).toBe(0);
    expect(await site.json("upstream", "list")).toMatchObject([{ name: "up", state: "not synced yet" }]);
  });

  it.each([
    [["upstream", "add", "nonsense"], "known by name"],
    [["upstream", "add", "http://images.example"], "https://images.example"],
    [["upstream", "add", "ubuntu", "--name", "streams"], "cannot be the name"],
    [["upstream", "add", "ubuntu", "--select", "noble", "--no-check"], "cannot select"],
    [["upstream", "add", "ubuntu", "--keep", "0"], "keep"],
    [["upstream", "add", "ubuntu", "--bandwidth", "much"], "not an amount of bytes"],
    [["upstream", "add", "ubuntu", "--signatures", "required"], "needs a keyring"],
  ])("refuses %j", async (argv, message) => {
    const { status, stderr } = await site.run(argv);
    expect(status).toBe(2);
    expect(stderr.toLowerCase()).toContain(message.toLowerCase());
  });

  it("refuses a name that is taken", async () => {
    await add();
    expect(await add()).toMatchObject({ status: 5 });
  });

  it("says which aliases are hidden, and what helps", async () => {
    await add();
    const { stdout } = await site.run(["upstream", "add", upstream.url, "--name", "two", "--ca", ca]);
    expect(stdout).toContain(
      "Aliases that an earlier image stream (up) has, and clients do not get from two: busy/1.",
    );
    expect(stdout).toContain("headwater upstream set two --alias-prefix two/");
  });

  it("keeps a password out of everything but the file, which nobody else can read", async () => {
    const secret = "s3cret-word";
    const url = upstream.url.replace("https://", `https://me:${secret}@`);
    const results = [
      await site.run(["upstream", "add", url, "--name", "up", "--ca", ca]),
      await site.run(["upstream", "list", "--json"]),
      await site.run(["upstream", "show", "up"]),
      await site.run(["list", "--json"]),
      await site.run(["history", "--json"]),
    ];
    upstream.misbehave(INDEX, { kind: "status", status: 401 });
    results.push(await site.run(["sync"]), await site.run(["upstream", "list"]));
    for (const { stdout, stderr } of results) expect(stdout + stderr).not.toContain(secret);
    const file = join(site.data, "headwater.yaml");
    expect(readFileSync(file, "utf8")).toContain(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(site.data, "generations/0000000001.json"), "utf8")).not.toContain(secret);
    expect(upstream.log[0]?.hasAuthorization).toBe(true);
  });

  it("says why LXD is not served linuxcontainers.org's images without being asked", async () => {
    const { stdout } = await site.run(["upstream", "add", "linuxcontainers", "--no-check"]);
    expect(stdout).toContain("serve LXD users another list than Incus users");
  });
});

describe("headwater sync", () => {
  it("brings a mirror, says what came, and then that nothing is new", async () => {
    await add("--mode", "mirror");
    expect((await site.run(["sync", "--dry-run"])).stdout).toMatch(/would come {2}1 images, 2 files/);
    const { status, stdout } = await site.run(["sync"]);
    expect({ status }).toEqual({ status: 0 });
    expect(stdout).toMatch(/up: published generation 1, .* downloaded\n {2}came/);
    expect((await site.run(["sync", "up"])).stdout).toBe("up: nothing new\n");
    expect(await site.json("list")).toMatchObject([
      { origin: "mirror", held: true, seen: expect.any(String) },
    ]);
    expect((await site.run(["show", "busy/1"])).stdout).toMatch(/Origin: +mirror, held, last seen there 20/);
  });

  it("ends with 9 when an upstream fails, brings the others, and list says so", async () => {
    await add("--mode", "mirror");
    await site.run(["upstream", "add", upstream.url, "--name", "two", "--ca", ca, "--alias-prefix", "two/"]);
    await site.run(["sync"]);
    upstream.misbehave(PRODUCTS, { kind: "status", status: 404 });
    const { status, stderr } = await site.run(["sync"]);
    expect(status).toBe(9);
    expect(stderr).toContain("up: ");
    expect((await site.run(["list"])).stderr).toMatch(
      /up: listed as the upstream last said; it fails since 20/,
    );
    expect(await site.json("upstream", "list")).toMatchObject([
      { name: "up", state: "failing", images: 1, failingSince: expect.any(String) },
      { name: "two", state: "failing" },
    ]);
  });

  it("ends with 9 for a bad image, and lists the rest", async () => {
    await add("--mode", "mirror", "--no-check");
    upstream.remove(root);
    const { status, stdout } = await site.run(["sync"]);
    expect(status).toBe(9);
    expect(stdout).toContain("failed: busy 20260101_0000");
  });

  it("knows only upstreams that are there", async () => {
    expect((await site.run(["sync", "nobody"])).status).toBe(3);
    expect((await site.run(["sync"])).status).toBe(3);
  });
});

describe("headwater upstream set, show and remove", () => {
  it("changes a setting, keeps comments, and takes the images off the lists", async () => {
    await add();
    const file = join(site.data, "headwater.yaml");
    await writeFile(file, `# mine\n${readFileSync(file, "utf8")}`);
    expect((await site.run(["upstream", "set", "up", "--alias-prefix", "x/"])).status).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch(/^# mine\nupstreams:\n {2}up:\n/);
    // What was not named is not written.
    expect(readFileSync(file, "utf8")).not.toMatch(/offline|twins|mode/);
    await site.run(["sync"]);
    expect((await site.run(["upstream", "show", "up"])).stdout).toMatch(/aliasPrefix: +x\/\n/);
    expect((await site.run(["upstream", "remove", "up"])).status).toBe(0);
    expect(await site.json("list")).toEqual([]);
    expect(await site.json("upstream", "list")).toEqual([]);
    expect(readFileSync(file, "utf8")).toContain("# mine");
    expect((await site.run(["upstream", "remove", "up"])).status).toBe(3);
  });
});
