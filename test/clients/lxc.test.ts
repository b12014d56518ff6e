import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { freshPort } from "./fresh-port.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { ARCHITECTURE, busyboxRoot, metadataTarball } from "./image-files.ts";
import { startNginx } from "./nginx.ts";
import { type Outcome, attempt, run } from "./program.ts";
import { daemons } from "./user.ts";

const TEMPLATE = "/usr/share/lxc/templates/lxc-download";
const NEEDED = [
  TEMPLATE,
  "/usr/bin/lxc-create",
  "/usr/bin/wget",
  "/usr/bin/xz",
  "/usr/bin/sqfs2tar",
  "/usr/bin/mksquashfs",
  "/bin/busybox",
];
const missing = NEEDED.filter((file) => !existsSync(file));
if (inject("daemons") === undefined) missing.push("the real clients");
if (missing.length > 0) {
  const reason = `LXC cannot run here, missing: ${missing.join(", ")}`;
  if (process.env["HEADWATER_CLIENTS"] === "required") throw new Error(reason);
  console.log(`test/clients/lxc: skipped: ${reason}`);
}

const VERSION = "20260102_0304";
/** By variant: how the root comes in. */
const ROOTS = {
  squashfs: "mksquashfs root root.file -quiet -noappend -no-progress > /dev/null",
  xz: "tar --numeric-owner --create --xz --file root.file --directory root .",
  gzip: "tar --numeric-owner --create --gzip --file root.file --directory root .",
} as const;
type Variant = keyof typeof ROOTS;
const VARIANTS = Object.keys(ROOTS) as Variant[];

describe.skipIf(missing.length > 0)("LXC without a daemon", () => {
  let folder: string;
  let headwater: Headwater;
  let serving: Serving;
  /** As it is typed after `--server`. */
  let server: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(daemons().folder, "lxc-"));
    await chmod(folder, 0o755);
    headwater = await Headwater.create();
    for (const variant of VARIANTS) await add(variant, ROOTS[variant], HARD);
    // One user alone is mapped in the namespace of the test below.
    await add("users", ROOTS.squashfs, "mknod root/dev/null c 1 3");
    await writeFile(join(headwater.data, "headwater.yaml"), "lxc: true\n");
    expect(await headwater.run("lxc")).toContain("In the index: 4 images");
    serving = await headwater.serve();
    server = serving.url.replace("https://", "");
    await writeFile(join(folder, "certificate.pem"), await serving.pem());
    await writeFile(join(folder, "wgetrc"), `ca_certificate = ${folder}/certificate.pem\n`);
    await writeFile(join(folder, "empty.conf"), "lxc.net.0.type = empty\n");
  });
  afterEach(() => rm(join(folder, "containers"), { recursive: true, force: true }));
  afterAll(async () => {
    await serving?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What a tarball made on the way could lose. */
  const HARD = `mknod root/dev/null c 1 3; mkdir root/home; chown 1000:1001 root/home; chmod 1777 root/tmp
    ln root/etc/passwd root/etc/linked; chmod 4711 root/bin/busybox; mkfifo root/dev/fifo`;

  async function add(variant: string, pack: string, make: string, version = VERSION): Promise<void> {
    const own = await mkdtemp(join(folder, "image-"));
    await busyboxRoot(own, `${variant} ${version}`);
    await writeFile(join(own, "root/etc/hostname"), "LXC_NAME\n");
    await run("sh", ["-euc", `${make}; ${pack}`], { cwd: own });
    const metadata = await metadataTarball(own, { os: "Busy Box", release: "1", variant });
    await headwater.run("add", metadata, join(own, "root.file"), "--version", version);
  }

  async function env(): Promise<Record<string, string>> {
    return {
      HOME: folder,
      LXC_CACHE_PATH: await mkdtemp(join(folder, "cache-")),
      WGETRC: join(folder, "wgetrc"),
    };
  }

  async function list(at: string, ...args: readonly string[]): Promise<string[][]> {
    const { stdout } = await attempt("sh", [TEMPLATE, "--list", "--server", at, ...args], {
      env: await env(),
    });
    return stdout.split("\n").flatMap((line) => (line.startsWith("busy") ? [line.split(/\s+/)] : []));
  }

  const path = (...below: readonly string[]): string => join(folder, "containers", ...below);

  async function create(
    name: string,
    variant: string,
    { at = server, environment, inNamespace = false }: Wishes = {},
  ): Promise<Outcome> {
    await mkdir(path(), { recursive: true });
    const image = [
      "--server",
      at,
      "--dist",
      "busy-box",
      "--release",
      "1",
      "--arch",
      ARCHITECTURE.debian,
      "--variant",
      variant,
    ];
    const words = ["lxc-create", "-P", path(), "--name", name, "--config", join(folder, "empty.conf")];
    const [program = "", ...args] = inNamespace ? ["unshare", "--user", "--map-root-user", ...words] : words;
    return attempt(program, [...args, "--template", "download", "--", ...image], {
      env: environment ?? (await env()),
    });
  }

  interface Wishes {
    readonly at?: string;
    readonly environment?: Record<string, string>;
    readonly inNamespace?: boolean;
  }

  async function expectWhole(name: string, variant: string): Promise<void> {
    const facts = async (file: string): Promise<string> =>
      (await run("stat", ["--format", "%u:%g %a %F %t,%T %h", path(name, "rootfs", file)])).trim();
    expect(await facts("home")).toMatch(/^1000:1001 755 directory/);
    expect(await facts("tmp")).toMatch(/^0:0 1777 directory/);
    expect(await facts("bin/busybox")).toMatch(/^0:0 4711 regular file/);
    expect(await facts("dev/null")).toMatch(/^0:0 \d+ character special file 1,3/);
    expect(await facts("dev/fifo")).toMatch(/^0:0 \d+ fifo/);
    expect(await facts("etc/linked")).toMatch(/ 2$/);
    expect(await readFile(path(name, "rootfs/etc/marker"), "utf8")).toBe(`${variant} ${VERSION}\n`);
    expect(await readFile(path(name, "rootfs/etc/hostname"), "utf8")).toBe(`${name}\n`);
  }

  test("lists what is there, by mode, by variant, and in the root of the image stream", async () => {
    expect(await serving.document("/")).toContain("lxc-create --name c1 --template download -- --server ");
    expect(await list(server)).toEqual([]);
    const line = (variant: string): string[] => ["busy-box", "1", ARCHITECTURE.debian, variant, VERSION];
    for (const variant of VARIANTS) {
      expect(await list(server, "--variant", variant)).toEqual([line(variant)]);
      expect(await list(`${server}/images`, "--variant", variant)).toEqual([line(variant)]);
    }
  });

  test.each(VARIANTS)("creates a container of a root that came as %s, and starts it", async (variant) => {
    const environment = await env();
    const { status, stdout, stderr } = await create("c1", variant, { environment });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(
      `You just created a container of busy-box 1 ${ARCHITECTURE.debian}, build ${VERSION}.`,
    );
    await expectWhole("c1", variant);
    const cached = `${environment["LXC_CACHE_PATH"] ?? ""}/download/busy-box/1/${ARCHITECTURE.debian}/${variant}`;
    expect(await readFile(join(cached, "build_id"), "utf8")).toBe(`${VERSION}\n`);
    const where = ["-P", path(), "--name", "c1"];
    await run("lxc-start", where);
    try {
      expect(await run("lxc-attach", [...where, "--", "/bin/cat", "/etc/hostname"])).toBe("c1\n");
    } finally {
      await run("lxc-stop", [...where, "--kill"]);
    }
  });

  test("creates one for root of a user namespace, without the device nodes that it cannot make", async () => {
    const { status, stdout } = await create("c1", "users", { inNamespace: true });
    expect(status).toBe(0);
    expect(stdout).toContain("You just created a container");
    expect(existsSync(path("c1/rootfs/dev/null"))).toBe(false);
    expect((await stat(path("c1/rootfs/bin/busybox"))).isFile()).toBe(true);
    expect(await readFile(path("c1/config"), "utf8")).toContain("/config/userns.conf");
  });

  test("gets a new build once it is there, though it has the one before, and a frozen server keeps the old one", async () => {
    const frozen = `${server}/@${/"generation":(\d+)/.exec(await serving.document("/healthz"))?.[1] ?? ""}`;
    const environment = await env();
    expect((await create("c1", "squashfs", { environment })).status).toBe(0);
    expect((await create("c2", "squashfs", { environment })).stdout).toContain(
      "Using image from local cache",
    );
    const before = await serving.document("/meta/1.0/index-system");
    await add("squashfs", ROOTS.squashfs, HARD, "20260103_0000");
    await expect
      .poll(() => serving.document("/meta/1.0/index-system"), { timeout: 60_000 })
      .toContain("20260103_0000");
    expect((await create("c3", "squashfs", { environment })).status).toBe(0);
    expect(await readFile(path("c3/rootfs/etc/marker"), "utf8")).toBe("squashfs 20260103_0000\n");
    expect(await list(frozen, "--variant", "squashfs")).toEqual([
      ["busy-box", "1", ARCHITECTURE.debian, "squashfs", VERSION],
    ]);
    expect((await create("c4", "squashfs", { at: frozen })).status).toBe(0);
    await expectWhole("c4", "squashfs");
    await headwater.run("remove", "busy-box/1/squashfs");
    await expect.poll(() => serving.document("/meta/1.0/index-system")).toBe(before);
  });

  test("is told by explain to be served right", async () => {
    const { stdout } = await headwater.attempt(
      "explain",
      serving.url,
      "--ca",
      join(folder, "certificate.pem"),
      "--files",
    );
    expect(stdout).toMatch(/lxc-create +4 builds/);
    expect(stdout).toContain("Nothing to say against it.");
  });

  test.skipIf(!existsSync("/usr/sbin/nginx"))("creates one from nginx with an exported tree", async () => {
    const tree = join(folder, "www");
    await headwater.run("export-tree", tree);
    await run("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=tree.test".split(
        " ",
      ),
      ..."-addext subjectAltName=IP:127.0.0.1".split(" "),
      "-keyout",
      join(folder, "nginx.key"),
      "-out",
      join(folder, "nginx.pem"),
    ]);
    const port = await freshPort();
    const block = `server { listen 127.0.0.1:${port} ssl; ssl_certificate ${folder}/nginx.pem; ssl_certificate_key ${folder}/nginx.key; root ${tree}; }`;
    const nginx = await startNginx(folder, block, port);
    try {
      await writeFile(join(folder, "nginx-wgetrc"), `ca_certificate = ${folder}/nginx.pem\n`);
      const environment = { ...(await env()), WGETRC: join(folder, "nginx-wgetrc") };
      const { status, stderr } = await create("c1", "squashfs", { at: `127.0.0.1:${port}`, environment });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      await expectWhole("c1", "squashfs");
    } finally {
      nginx.kill();
    }
  });
});
