import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { headwater } from "./fake-io.ts";
import { type Site, temporarySite } from "./site.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

let site: Site;
let far: Site;

beforeEach(async () => {
  site = await temporarySite();
  far = await temporarySite();
  await site.json("add", ...(await site.files("a")));
  await site.json("add", ...(await site.files("b")), "--os", "other");
});
afterEach(async () => {
  await site.remove();
  await far.remove();
});

const bundle = (): string => join(site.folder, "site.hwb");

async function withKey(): Promise<string> {
  await site.run(["key", "new"]);
  const keyring = join(far.folder, "sender.asc");
  writeFileSync(keyring, (await site.run(["key", "export"])).stdout);
  return keyring;
}

describe("headwater bundle", () => {
  it("carries images from one store to another, and tells a person what it did", async () => {
    const keyring = await withKey();
    const created = await site.run(["bundle", "create", "site.hwb"]);
    expect(created.status).toBe(0);
    expect(created.stdout).toMatch(/^Wrote 2 images of generation \d to .*\/site\.hwb: [\d.]+ KiB$/m);
    expect(created.stdout).toMatch(/signed with the key [0-9A-F]{40}/);
    const shown = await site.run(["bundle", "show", "site.hwb"]);
    expect(shown.stdout).toMatch(/^ {2}[0-9a-f]{12} {2}20261121_0304 {2}amd64 {2}container {2}other\/1$/m);
    expect(shown.stdout).toContain("(not checked here)");
    const verified = await far.run(["bundle", "verify", bundle(), "--keyring", keyring]);
    expect(verified.stdout).toMatch(/^Bundle [0-9a-f]{32} is whole: 2 images, 4 files/);
    const tried = await far.run(["bundle", "apply", bundle(), "--keyring", keyring, "--dry-run"]);
    expect(tried.stdout).toMatch(/^Would apply bundle [0-9a-f]{12} of .*, 4 files \(.*\) new$/m);
    expect(existsSync(far.data)).toBe(false);
    const applied = await far.run(["bundle", "apply", bundle(), "--keyring", keyring]);
    expect(applied.stdout).toContain("carried (images there): 2 images come, 0 go, 0 stay");
    const again = await far.run(["bundle", "apply", bundle(), "--keyring", keyring]);
    expect(again.stdout).toMatch(/^Nothing to do: bundle /);
    expect((await far.run(["upstream", "list", "--format", "csv"])).stdout).toMatch(
      /carried,mirror,.*from a bundle of 20/,
    );
  });

  it("says all of it as JSON", async () => {
    const keyring = await withKey();
    const created = await site.json("bundle", "create", "site.hwb", "other/1");
    expect(created).toMatchObject({
      store: site.data,
      dryRun: false,
      paths: [bundle()],
      images: 1,
      files: 2,
      inBases: 0,
      bases: [],
      notHeld: 0,
    });
    expect(await site.json("bundle", "show", "site.hwb")).toMatchObject({
      signedBy: [expect.stringMatching(/^[0-9a-f]{16}$/) as string],
      files: 2,
      images: [{ stream: "images", aliases: ["other/1", "other/1/default"], type: "container" }],
    });
    expect(await far.json("bundle", "verify", bundle(), "--keyring", keyring)).toMatchObject({
      images: 1,
      files: 2,
      unchecked: 0,
    });
    const applied = await far.json("bundle", "apply", bundle(), "--keyring", keyring, "--as", "hq");
    expect(applied).toMatchObject({
      store: far.data,
      dryRun: false,
      generation: 1,
      isUnchanged: false,
      streams: [{ name: "hq", from: "images", come: 1, go: 0, stay: 0 }],
      files: 2,
    });
  });

  it("takes the keyring of the configuration, relative to its file", async () => {
    const keyring = await withKey();
    await site.run(["bundle", "create", "site.hwb"]);
    await far.run(["--data", far.data, "add", ...(await far.files("h"))]);
    writeFileSync(join(far.data, "sender.asc"), readFileSync(keyring));
    expect((await far.run(["bundle", "apply", bundle()])).stderr).toContain("is not believed");
    writeFileSync(join(far.data, "headwater.yaml"), "bundles:\n  keyring: sender.asc\n");
    expect((await far.run(["bundle", "apply", bundle()])).status).toBe(0);
  });

  it("leaves out what an earlier bundle holds, of which the list is enough", async () => {
    await site.run(["bundle", "create", "site.hwb"]);
    execFileSync("tar", ["xf", "site.hwb", "bundle.json"], { cwd: site.folder });
    await site.json("add", ...(await site.files("c")), "--os", "new");
    for (const since of ["site.hwb", "bundle.json"]) {
      expect(await site.json("bundle", "create", "next.hwb", "--since", since, "--force")).toMatchObject({
        files: 2,
        inBases: 4,
      });
    }
    const refused = await far.run(["bundle", "apply", join(site.folder, "next.hwb"), "--allow-untrusted"]);
    expect(refused.status).toBe(12);
    expect(refused.stderr).toMatch(/4 files that it builds on are not in .*: images\//);
    expect(refused.stderr).toMatch(/Apply first the bundle [0-9a-f]{12} of /);
  });

  it("goes through a pipe", async () => {
    const words = ["bundle", "create", "-", "--data", site.data];
    const bytes = execFileSync(process.execPath, [HEADWATER, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const apply = ["bundle", "apply", "-", "--allow-untrusted", "--data", far.data, "--json"];
    const said = execFileSync(process.execPath, [HEADWATER, ...apply], { input: bytes, encoding: "utf8" });
    expect(JSON.parse(said)).toMatchObject({ generation: 1, files: 4 });
  });

  it.each([
    [["bundle", "create", "-"], 2, "not for a terminal"],
    [["bundle", "create", "x.hwb", "--part-size", "10"], 2, "too small"],
    [["bundle", "create", "x.hwb", "--part-size", "many"], 2, "not an amount of bytes"],
    [["bundle", "create", "x.hwb", "--stream", "none"], 3, "There are: images."],
    [["bundle", "create", "x.hwb", "nothing/here"], 3, "headwater list"],
    [["bundle", "create", "x.hwb", "--select", "os"], 2, "field=value"],
    [["bundle", "create", "none/x.hwb"], 10, "no such file or folder"],
    [["bundle", "apply", "-"], 2, "through a pipe"],
    [["bundle", "apply", "none.hwb"], 4, "there is no such file"],
    [["bundle", "show", "store"], 4, "Cannot read"],
    [["bundle", "verify", "x", "--keyring", "none.asc"], 4, "keyring"],
    [["bundle", "apply", "none.hwb", "--as", "x="], 2, "THERE=HERE"],
  ])("%j ends with %d and says what to do", async (words, status, said) => {
    const outcome = await site.run(words);
    expect([outcome.status, outcome.stderr]).toEqual([status, expect.stringContaining(said)]);
  });

  it("shows nothing of a hostile bundle's control characters", async () => {
    await site.run(["bundle", "create", "site.hwb"]);
    const bytes = readFileSync(bundle());
    const at = bytes.indexOf('"aliases"');
    bytes[at + 12] = 0x1b;
    writeFileSync(bundle(), bytes);
    const { stdout, stderr } = await headwater(["bundle", "show", bundle()]);
    expect(stdout + stderr).not.toContain("\u001b");
  });
});
