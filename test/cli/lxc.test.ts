import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { needProgram } from "../image/programs.ts";
import { tinyRootTar } from "../image/tiny-image.ts";
import { type Site, temporarySite } from "./site.ts";

let site: Site;

beforeEach(async (context) => {
  needProgram(context, "xz");
  site = await temporarySite();
  const [metadata] = await site.files("a");
  const root = join(site.folder, "root.tar.xz");
  writeFileSync(root, execFileSync("xz", ["-c"], { input: await tinyRootTar() }));
  await site.json("add", metadata, root);
});
afterEach(() => site?.remove());

const wantLxc = (): void => writeFileSync(join(site.data, "headwater.yaml"), "lxc: true\n");

describe("headwater lxc", () => {
  it("does nothing before it is wanted, and says how to want it", async () => {
    const { status, stdout, stderr } = await site.run(["lxc"]);
    expect(status).toBe(0);
    expect(stderr).toContain("No image stream has lxc: true in ");
    expect(stdout).toBe("Nothing to do: every build that LXC can have is ready.\nIn the index: 0 images\n");
  });

  it("says what it made, and that there was nothing more to do", async () => {
    wantLxc();
    expect((await site.run(["lxc", "--dry-run"])).stdout).toBe(
      "Would be made for LXC: 1 build\n  images/tiny:1:default:amd64 20261121_0304\n",
    );
    expect((await site.run(["lxc"])).stdout).toBe(
      "Made for LXC: 1 build\n  images/tiny:1:default:amd64 20261121_0304\nIn the index: 1 image (generation 2)\n",
    );
    expect(await site.json("lxc")).toEqual({
      store: site.data,
      generation: null,
      dryRun: false,
      listed: 1,
      made: [],
      failures: [],
      leftOut: [],
      hidden: [],
    });
  });

  it("ends with the status of what failed, after it has told it once for all builds", async () => {
    wantLxc();
    await site.json("add", ...(await site.files("b")), "--os", "b");
    await site.json("add", ...(await site.files("c")), "--os", "c");
    const { status, stdout } = await site.run(["lxc"]);
    expect(status).toBe(4);
    expect(stdout).toContain("Made for LXC: 1 build\n");
    expect(stdout).toMatch(/^Not made: images\/b:1:default:amd64 20261121_0304/m);
    const failed = await site.run(["lxc", "--json"]);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      made: [],
      failures: [
        { product: "b:1:default:amd64", error: { code: "FILE_UNSUPPORTED" } },
        { product: "c:1:default:amd64", error: { code: "FILE_UNSUPPORTED" } },
      ],
    });
  });

  it("signs what LXC before 4.0.12 checks, with the key of the store", async (context) => {
    needProgram(context, "gpg");
    wantLxc();
    await site.json("key", "new", "--name", "Images <images@example.org>");
    await site.json("lxc");
    await site.json("export-tree", "www");
    const home = join(site.folder, "gnupg");
    const gpg = (...args: string[]): string =>
      execFileSync("gpg", ["--homedir", home, "--batch", ...args], {
        stdio: ["pipe", "pipe", "ignore"],
        encoding: "utf8",
      });
    execFileSync("mkdir", ["-m", "700", home]);
    try {
      const { stdout } = await site.run(["key", "export"]);
      writeFileSync(join(site.folder, "key.asc"), stdout);
      gpg("--import", join(site.folder, "key.asc"));
      const index = join(site.folder, "www/meta/1.0/index-system.4");
      const folder = readFileSync(index, "utf8").trim().split(";")[5] ?? "";
      const signed = ["rootfs.tar.xz", "meta.tar.xz"].map((name) => join(site.folder, "www", folder, name));
      for (const file of [...signed, index]) {
        expect(gpg("--status-fd", "1", "--verify", `${file}.asc`, file)).toContain("VALIDSIG");
      }
    } finally {
      execFileSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    }
  });

  it("is made on the other side of what came in a bundle, and again of the next one", async () => {
    wantLxc();
    await site.json("lxc");
    const other = await temporarySite();
    try {
      const carry = async (): Promise<void> => {
        const bundle = join(site.folder, "site.hwb");
        await site.run(["bundle", "create", bundle, "--force"]);
        expect(execFileSync("tar", ["-tf", bundle], { encoding: "utf8" })).not.toMatch(/lxc|meta\/1\.0/);
        await other.json("bundle", "apply", bundle, "--allow-untrusted");
      };
      await carry();
      writeFileSync(join(other.data, "headwater.yaml"), "lxc: [carried, nowhere]\n");
      expect(await other.json("lxc")).toMatchObject({
        listed: 1,
        made: [{ stream: "carried" }],
        leftOut: [{ stream: "nowhere", reason: "there is no such image stream yet" }],
      });
      await site.json("alias", "add", "more", "tiny/1");
      await carry();
      expect(await other.json("lxc")).toMatchObject({ listed: 1, made: [], generation: null });
    } finally {
      await other.remove();
    }
  });

  it("is in a tree for a web server: the index for the root and for one image stream, files, and their sums", async () => {
    wantLxc();
    await site.json("lxc");
    await site.json("export-tree", "www");
    const at = (...path: string[]): string => join(site.folder, ...path);
    const index = readFileSync(at("www/meta/1.0/index-user.7"), "utf8");
    const folder = index.trim().split(";")[5] ?? "";
    expect(folder).toMatch(/^\/images\/lxc\/.*\/$/);
    for (const name of ["rootfs.tar.xz", "meta.tar.xz"])
      expect(existsSync(at("www", folder, name))).toBe(true);
    execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: at("www", folder) });
    expect((await site.run(["export-tree", "www", "--check"])).status).toBe(0);
    await site.json("export-tree", "one", "--stream", "images");
    const own = readFileSync(at("one/meta/1.0/index-system"), "utf8").trim().split(";")[5] ?? "";
    expect(existsSync(at("one", own, "rootfs.tar.xz"))).toBe(true);
    const explained = await site.run(["explain", "www"]);
    expect(explained.stdout).toMatch(/lxc-create +1 builds?/);
    expect(explained.stdout).toContain("Nothing to say against it.");
  });
});
