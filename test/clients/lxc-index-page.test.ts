import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { treeScript } from "../docs/lxc-tree.ts";
import { blockWith, readPage } from "../docs/page.ts";
import { type Outcome, attempt, run } from "./program.ts";
import { freshPort } from "./fresh-port.ts";
import { startNginx } from "./nginx.ts";
import { type StaticTree, selfSigned, serveTree } from "./static-tree.ts";
import { daemons } from "./user.ts";

const TEMPLATE = "/usr/share/lxc/templates/lxc-download";
const page = readPage("lxc-index.md");
const LINE = page.blocks("index")[0] ?? "";
const FILES = "images/tiny/1/amd64/default/20260102_03:04";
const TINY = ["--dist", "tiny", "--release", "1", "--arch", "amd64"];

/** Everything that keeps the script from running here, in words. The folder of this run is the daemons'. */
const missing = [TEMPLATE, "/usr/bin/wget", "/usr/bin/xz", "/bin/busybox"].filter(
  (file) => !existsSync(file),
);
if (inject("daemons") === undefined) missing.push("the real clients");
if (missing.length > 0) {
  const reason = `the template of LXC cannot run here, missing: ${missing.join(", ")}`;
  if (process.env["HEADWATER_CLIENTS"] === "required") throw new Error(reason);
  console.log(`test/clients/lxc-index-page: skipped: ${reason}`);
}
const CREATE = "/usr/bin/lxc-create";
if (!existsSync(CREATE)) console.log(`test/clients/lxc-index-page: nothing is started, missing: ${CREATE}`);

describe.skipIf(missing.length > 0)("the smallest tree of the page about the LXC index", () => {
  let made: string;
  let folder: string;
  let served: StaticTree | undefined;
  let inNamespace = false;

  beforeAll(async () => {
    made = await mkdtemp(join(daemons().folder, "lxc-page-"));
    await run("sh", ["-eu"], { cwd: made, input: treeScript(page) });
  });
  afterEach(async () => {
    await served?.close();
    served = undefined;
    await rm(folder, { recursive: true, force: true });
  });
  afterAll(() => rm(made, { recursive: true }));

  /** Serves a copy of the tree as `change` leaves it; `index` is what both index files hold. */
  async function serve(
    index = LINE,
    change: (tree: string) => Promise<unknown> = async () => {},
  ): Promise<StaticTree> {
    folder = await mkdtemp(join(tmpdir(), "hw-lxc-"));
    const tree = join(folder, "tree");
    await cp(join(made, "tree"), tree, { recursive: true });
    for (const name of ["index-system", "index-user"]) {
      for (const suffix of ["", ".7"]) await writeFile(join(tree, `meta/1.0/${name}${suffix}`), index);
    }
    await change(tree);
    served = await serveTree(tree, new Map());
    await writeFile(join(folder, "certificate.pem"), served.pem);
    // As the page says it: the first line of its example.
    const [wgetrc = ""] = blockWith(page, "sh", "> wgetrc").split("\n");
    await run("sh", ["-eu"], { cwd: folder, input: wgetrc });
    return served;
  }

  async function script(...args: readonly string[]): Promise<Outcome> {
    const server = served?.url.replace("https://", "") ?? "";
    const env = { HOME: folder, LXC_CACHE_PATH: join(folder, "cache"), WGETRC: join(folder, "wgetrc") };
    const words = ["sh", TEMPLATE, "--server", server, ...args];
    const [program = "", ...rest] = inNamespace ? ["unshare", "--user", "--map-root-user", ...words] : words;
    return attempt(program, rest, { env });
  }

  /** As `lxc-create` calls it: a folder with a configuration, and an empty root. */
  async function create(
    name: string,
    ...args: readonly string[]
  ): Promise<Outcome & { readonly path: string }> {
    const path = join(folder, name);
    await mkdir(join(path, "rootfs"), { recursive: true });
    await writeFile(join(path, "config"), "lxc.net.0.type = empty\nlxc.rootfs.path = dir:/nowhere\n");
    const internal = ["--name", name, "--path", path, "--rootfs", join(path, "rootfs")];
    return { ...(await script(...internal, ...TINY, ...args)), path };
  }

  test("is listed by the real script, whatever exit status that gives", async () => {
    const { asWritten } = await serve();
    const { status, stdout } = await script("--list");
    expect(stdout.split(/\n/).map((line) => line.split(/\s+/))).toContainEqual(
      LINE.trim().split(";").slice(0, 5),
    );
    // 1 up to 6.0.1, though nothing is wrong.
    expect([0, 1]).toContain(status);
    expect(asWritten).toEqual(["//meta/1.0/index-system.7"]);
  });

  test("is downloaded and unpacked, with the requests that the page shows", async () => {
    const { asWritten } = await serve();
    const { status, stdout, stderr, path } = await create("c1");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const promised = blockWith(page, "text", "GET //meta").trim().split("\n");
    expect(asWritten.map((url) => `GET ${url}`)).toEqual(
      promised.filter((line) => !line.endsWith("index-system")),
    );
    expect(await readFile(join(path, "rootfs/etc/hostname"), "utf8")).toBe("c1\n");
    expect(await run(join(path, "rootfs/bin/busybox"), ["echo", "runs"])).toBe("runs\n");
    const config = await readFile(join(path, "config"), "utf8");
    for (const line of [
      "lxc.include = /usr/share/lxc/config/common.conf",
      "lxc.arch = x86_64",
      "lxc.uts.name = c1",
    ]) {
      expect(config).toContain(line);
    }
    expect(stdout).toContain("A tiny container.");
    expect(await readFile(join(folder, "cache/download/tiny/1/amd64/default/build_id"), "utf8")).toBe(
      "20260102_03:04\n",
    );
  });

  test("is used from the cache until it expires, and for ever when it does not say when", async () => {
    const { asWritten } = await serve();
    expect((await create("c1")).status).toBe(0);
    const first = asWritten.length;
    expect((await create("c2")).stdout).toContain("Using image from local cache");
    expect(asWritten).toHaveLength(first);
    const expiry = join(folder, "cache/download/tiny/1/amd64/default/expiry");
    await writeFile(expiry, "1\n");
    expect((await create("c3")).stdout).toContain("The cache is already up to date");
    expect(asWritten.slice(first)).toEqual(["//meta/1.0/index-system.7"]);
    await rm(expiry);
    expect((await create("c4")).status).toBe(0);
    expect(asWritten).toHaveLength(first + 1);
    expect((await create("c5", "--flush-cache")).status).toBe(0);
    expect(asWritten.length).toBeGreaterThan(first + 1);
  });

  test("gives the files for users to root of a user namespace, as in an unprivileged container", async () => {
    const { asWritten } = await serve();
    inNamespace = true;
    const { status, path } = await create("c1");
    inNamespace = false;
    expect(status).toBe(0);
    expect(asWritten[0]).toBe("//meta/1.0/index-user.7");
    expect(await readFile(join(path, "config"), "utf8")).toContain("/config/userns.conf");
  });

  test("costs three requests more where the index of the level is missing", async () => {
    const { asWritten } = await serve(LINE, (tree) => rm(join(tree, "meta/1.0/index-system.7")));
    expect((await create("c1")).status).toBe(0);
    expect(asWritten.slice(0, 4)).toEqual([
      ...Array(3).fill("//meta/1.0/index-system.7"),
      "//meta/1.0/index-system",
    ]);
  });

  test("may lie in a folder of the server", async () => {
    await serve(LINE, async (tree) => {
      await cp(tree, `${tree}-copy`, { recursive: true });
      await cp(`${tree}-copy`, join(tree, "below"), { recursive: true });
    });
    const server = `${served?.url.replace("https://", "") ?? ""}/below`;
    expect((await create("c1", "--server", server)).status).toBe(0);
    expect(served?.asWritten[0]).toBe("/below//meta/1.0/index-system.7");
  });

  test("is served by nginx as the page sets it up", async () => {
    folder = await mkdtemp(join(tmpdir(), "hw-lxc-"));
    const { key, pem } = await selfSigned();
    const [keyFile, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    await writeFile(keyFile, key);
    await writeFile(certificate, pem);
    await writeFile(join(folder, "wgetrc"), `ca_certificate = ${certificate}\n`);
    const port = await freshPort();
    const block = blockWith(page, "nginx", "root /srv/tree")
      .replace("8443", `127.0.0.1:${port}`)
      .replace("/etc/ssl/images.example/fullchain.pem", certificate)
      .replace("/etc/ssl/images.example/privkey.pem", keyFile)
      .replace("/srv/tree", join(made, "tree"));
    const nginx = await startNginx(folder, block, port);
    try {
      const server = `127.0.0.1:${port}`;
      const index = ["-ksf", `https://${server}/meta/1.0/index-system`];
      await expect.poll(async () => (await attempt("curl", index)).stdout).toBe(LINE);
      expect((await script("--list", "--server", server)).stdout).toContain("20260102_03:04");
      const { status, path } = await create("c1", "--server", server);
      expect(status).toBe(0);
      expect(await readFile(join(path, "rootfs/etc/hostname"), "utf8")).toBe("c1\n");
    } finally {
      nginx.kill();
    }
  });

  test.skipIf(!existsSync(CREATE))("starts, made with the command of the page", async () => {
    await serve();
    const server = served?.url.replace("https://", "") ?? "";
    const [, command = ""] = blockWith(page, "sh", "> wgetrc").split("\n");
    const config = join(folder, "empty.conf");
    await writeFile(config, "lxc.net.0.type = empty\n");
    await chmod(folder, 0o755);
    const where = ["-P", join(folder, "lxc"), "--name", "c1"];
    const typed = command
      .replace("SERVER:8443", server)
      .replace("--name c1", `${where.join(" ")} --config ${config}`);
    const env = { HOME: folder, LXC_CACHE_PATH: join(folder, "cache") };
    await run("sh", ["-eu"], { cwd: folder, env, input: typed });
    await run("lxc-start", where);
    try {
      expect(await run("lxc-attach", [...where, "--", "/bin/cat", "/etc/hostname"])).toBe("c1\n");
    } finally {
      await run("lxc-stop", [...where, "--kill"]);
    }
  });

  test("shows images of other variants only to those who ask for them", async () => {
    await serve(`${LINE}${LINE.replaceAll("default", "cloud")}`);
    expect((await script("--list")).stdout).not.toContain("cloud");
    expect((await script("--list", "--variant", "cloud")).stdout).toContain("cloud");
  });

  test("takes the first line of two for one image", async () => {
    await serve(
      LINE + LINE.replace("default;20260102", "default;20270102").replace("images/tiny", "nowhere"),
    );
    expect((await create("c1")).status).toBe(0);
  });

  test.each([
    ["no line end", LINE.trim(), "Couldn't find a matching image"],
    ["another architecture", LINE.replace("amd64;", "x86_64;"), "Couldn't find a matching image"],
    ["another case", LINE.replace("tiny;", "Tiny;"), "Couldn't find a matching image"],
    ["no path", LINE.replace(/;[^;]*\n$/, ";\n"), "Couldn't find a matching image"],
    ["CR LF", LINE.replace("\n", "\r\n"), "Failed to download"],
    ["a seventh field", LINE.replace("\n", ";more\n"), "Failed to download"],
  ])("is not found with %s", async (_what, index, says) => {
    expect(page.text.slice(page.text.indexOf("## Pitfalls"))).toContain(says);
    await serve(index);
    const { status, stdout, stderr } = await create("c1");
    expect(status).toBe(1);
    expect(stdout + stderr).toContain(says);
  });

  test.each([
    ["no index", "rm meta/1.0/*", "Failed to download https://SERVER//meta/1.0/index-system"],
    [
      "no configuration",
      "tar --create --xz --file meta.tar.xz --files-from /dev/null",
      "meta tarball is missing the configuration file",
    ],
    [
      "metadata in a folder",
      "mkdir m; touch m/config; tar --create --xz --file meta.tar.xz m",
      "meta tarball is missing the configuration file",
    ],
    ["metadata that is not xz", "gzip --stdout /dev/null > meta.tar.xz", "Invalid rootfs tarball"],
    ["a root that is not xz", "gzip --stdout /dev/null > rootfs.tar.xz", "Unpacking the rootfs"],
  ])("fails with %s, as the page says", async (_what, change, says) => {
    expect(page.text.slice(page.text.indexOf("## Pitfalls"))).toContain(says);
    await serve(LINE, (tree) => {
      const cwd = change.includes("meta/1.0") ? tree : join(tree, FILES);
      return run("sh", ["-eu"], { cwd, input: change });
    });
    const { status, stdout, stderr } = await create("c1");
    expect(status).not.toBe(0);
    // The words were put right in 6.0.
    const printed = `${stdout}${stderr}`.replace("Invalid meta tarball", "Invalid rootfs tarball");
    expect(printed.replaceAll(served?.url ?? "", "https://SERVER")).toContain(says);
  });

  test("fails where the certificate is not trusted, in the same words", async () => {
    await serve();
    await writeFile(join(folder, "wgetrc"), "");
    expect((await create("c1")).stderr).toContain("//meta/1.0/index-system");
    expect(served?.requests).toEqual([]);
  });
});
