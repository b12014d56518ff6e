import { chmodSync, chownSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDaemonReference } from "../../src/intake/daemon/address.ts";
import { groupOf, unreachable } from "../../src/intake/daemon/failures.ts";
import { socketCandidates } from "../../src/intake/daemon/local-daemons.ts";
import { parseTrustToken } from "../../src/intake/daemon/trust.ts";
import { FakeDaemon, fakeImage } from "../intake/daemon/fake-daemon.ts";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
let daemon: FakeDaemon;

beforeEach(async () => {
  site = await temporarySite();
  daemon = await FakeDaemon.start(
    fakeImage("web-base"),
    fakeImage("db-base", { fields: { public: true } }),
    fakeImage("cached", {
      aliases: [],
      fields: { cached: true, update_source: { server: "https://images.example", alias: "x" } },
    }),
  );
});
afterEach(async () => {
  await daemon.remove();
  await site.remove();
});

/** With this daemon as the machine's Incus, and no LXD. */
const here = (more: object = {}) => ({
  env: { INCUS_SOCKET: daemon.socket, LXD_SOCKET: "/nowhere/unix.socket" },
  ...more,
});

const products = async (): Promise<string[]> =>
  ((await site.json("list")) as { product: string }[]).map(({ product }) => product);

describe("headwater pull", () => {
  it("shows what the daemons of this machine have and takes what the person chooses", async () => {
    const { status, stdout, stderr } = await site.run(
      ["pull"],
      here({ isTTY: true, answers: ["9", "2-x", "1"] }),
    );
    expect(status).toBe(0);
    expect(stdout).toContain(`incus on build1 (${daemon.socket})`);
    expect(stdout).toContain("https://images.example (cached)");
    expect(stderr).toContain('"9" is no number from 1 to 3');
    expect(stdout).toContain("Took web-base as debian:bookworm:web-base:amd64 20261120_1011");
    expect(await products()).toEqual(["debian:bookworm:web-base:amd64"]);
  });

  it("takes all but the cached ones for all, and nothing for nothing", async () => {
    expect((await site.run(["pull"], here({ isTTY: true, answers: [""] }))).status).toBe(0);
    const { stdout } = await site.run(["pull"], here({ isTTY: true, answers: ["all"] }));
    expect(stdout).toContain("2 images taken");
  });

  it("asks nobody where there is no terminal, and prints what there is", async () => {
    const { status, stdout, stderr } = await site.run(["pull"], here());
    expect([status, stdout]).toEqual([0, expect.stringContaining("db-base")]);
    expect(stderr).toContain("headwater pull DAEMON IMAGE...");
    const { stdout: json } = await site.run(["pull", "--json"], here());
    expect(JSON.parse(json)).toMatchObject([
      { daemon: daemon.socket, images: [{ aliases: ["web-base"] }, {}, {}] },
    ]);
  });

  it("takes what is named, as it is to be called", async () => {
    const { status, stdout } = await site.run(
      ["pull", "incus:", "web-base", "--alias", "web/stable", "--variant", "web", "--label", "testing"],
      here(),
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining("debian:bookworm:web:amd64")]);
    const [image] = (await site.json("list")) as { aliases: string[]; label: string }[];
    expect(image).toMatchObject({
      aliases: expect.arrayContaining(["web-base", "web/stable"]),
      label: "testing",
    });
    expect((await site.run(["show", "web/stable"])).stdout).toMatch(
      /Origin: +taken from incus on build1 at 2/,
    );
  });

  it("takes public ones alone, and says for a program what it did", async () => {
    const { stdout } = await site.run(["pull", "incus:", "--all", "--public-only", "--json"], here());
    expect(JSON.parse(stdout)).toMatchObject([
      {
        daemon: daemon.socket,
        generation: 1,
        taken: [{ aliases: expect.arrayContaining(["db-base"]) }],
        known: [],
        left: [],
      },
    ]);
  });

  it("ends with a status when an image was left out", async () => {
    const bad = fakeImage("bad");
    daemon.images.push(bad);
    daemon.instead.set(
      `/1.0/images/${bad.fingerprint}/export`,
      (_request, response) => void response.end("other bytes"),
    );
    const { status, stdout, stderr } = await site.run(["pull", "incus:", "--all"], here());
    expect([status, stdout]).toEqual([9, expect.stringContaining("2 images taken")]);
    expect(stderr).toContain("left out: bad:");
    expect(stderr).toContain("is not that image, or not all of it");
  });

  it.each([
    [["incus:", "--all", "web-base"], "--all takes every image already"],
    [["incus:", "--all", "--alias", "x"], "options that name an image are for one image"],
    [["incus:", "os=Debian", "--alias", "x"], "and 3 are meant"],
    [["incus:", "web-base", "--cached"], "--cached belongs to --all"],
    [["incus:", "--instance", "c1", "--follow"], "--instance is taken once"],
    [["incus:", "web-base", "--cert", "x"], "--cert and --key belong together"],
    [["incus:", "web-base", "--token", "x"], "tokens and certificates are for daemons at https"],
    [["incus:", "--follow", "--token", "x"], "tokens and certificates are for daemons at https"],
    [["ftp://x"], '"ftp://x" names no daemon'],
    [["https://host:8443/path"], "names no daemon"],
    [["https://127.0.0.1:9", "--all", "--token", "x"], "nothing listens there"],
  ])("says what does not go together: pull %j", async (argv, message) => {
    const { status, stderr } = await site.run(["pull", ...argv], here());
    expect(stderr).toContain(message);
    expect([2, 9]).toContain(status);
  });

  it("says that there is no daemon, and where it looked", async () => {
    const none = { env: { INCUS_SOCKET: "/nowhere/incus", LXD_SOCKET: "/nowhere/lxd" } };
    const nobody = await site.run(["pull"], none);
    expect([nobody.status, nobody.stderr]).toEqual([
      9,
      expect.stringContaining("neither an Incus nor an LXD"),
    ]);
    const incus = await site.run(["pull", "incus:", "--all"], none);
    expect([incus.status, incus.stderr]).toEqual([9, expect.stringContaining("/nowhere/incus")]);
    await daemon.stop();
    await writeFile(daemon.socket, "");
    const silent = await site.run(["pull", `unix:${daemon.socket}`, "--all"], here());
    expect([silent.status, silent.stderr]).toEqual([9, expect.stringContaining("nothing listens there")]);
  });

  it("takes the other daemon when one is away, and says so", async () => {
    const other = await FakeDaemon.start(
      fakeImage("alpine", { properties: { os: "Alpine", release: "3.20" } }),
    );
    await daemon.stop();
    const left = createServer().listen(daemon.socket);
    await new Promise((resolve) => left.once("listening", resolve));
    left.on("connection", (socket) => socket.destroy());
    const env = { INCUS_SOCKET: daemon.socket, LXD_SOCKET: other.socket };
    const { status, stdout, stderr } = await site.run(["pull", "--all"], { env });
    expect([status, stdout]).toEqual([9, expect.stringContaining("Took alpine")]);
    expect(stderr).toContain(daemon.socket);
    await new Promise((resolve) => left.close(resolve));
    await other.remove();
  });
});

describe("a socket that may not be opened", () => {
  it.skipIf(process.getuid?.() !== 0)("is told with the group that may", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hw-group-"));
    const file = join(folder, "socket");
    await writeFile(file, "");
    await writeFile(join(folder, "group"), "root:x:0:\nincus-admin:x:4242:\n");
    chownSync(file, 0, 4242);
    expect(groupOf(file, join(folder, "group"))).toBe("incus-admin");
    await rm(folder, { recursive: true });
  });

  it("is told with what to do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hw-group-"));
    const file = join(folder, "socket");
    await writeFile(file, "");
    chmodSync(file, 0o600);
    const cause = Object.assign(new Error("no"), { code: "EACCES" });
    const error = unreachable("incus", cause, file);
    expect(error).toMatchObject({
      code: "DAEMON_UNREACHABLE",
      message: expect.stringContaining(`may not open ${file}`),
    });
    expect(error.hint).toMatch(/usermod --append --groups|as root/);
    await rm(folder, { recursive: true });
  });
});

describe("the names of daemons", () => {
  it.each([
    ["incus:", { kind: "local", family: "incus" }],
    ["lxd", { kind: "local", family: "lxd" }],
    ["/run/incus/unix.socket", { kind: "socket", path: "/run/incus/unix.socket" }],
    ["unix:///run/x", { kind: "socket", path: "/run/x" }],
    ["https://10.0.0.5", { kind: "https", url: "https://10.0.0.5:8443" }],
    ["https://10.0.0.5:443/", { kind: "https", url: "https://10.0.0.5:443" }],
    ["https://[::1]:8443", { kind: "https", url: "https://[::1]:8443" }],
  ])("%s", (text, expected) => {
    expect(parseDaemonReference(text)).toEqual(expected);
  });

  it("are looked for where the command lines look, and where the snap has its own", () => {
    expect(socketCandidates("lxd", {})).toContain("/var/snap/lxd/common/lxd/unix.socket");
    expect(socketCandidates("incus", { INCUS_DIR: "/x" })).toEqual(["/x/unix.socket"]);
    expect(socketCandidates("lxd", { LXD_SOCKET: "/s", LXD_DIR: "/x" })).toEqual(["/s"]);
  });

  it("are known by trust tokens, and other texts are none", () => {
    const token = Buffer.from(JSON.stringify({ fingerprint: "a".repeat(64), secret: "s" })).toString(
      "base64",
    );
    expect(parseTrustToken(` ${token}\n`)).toMatchObject({ fingerprint: "a".repeat(64), secret: "s" });
    for (const text of ["", "x", Buffer.from("{}").toString("base64"), token.slice(0, 20)]) {
      expect(() => parseTrustToken(text)).toThrow("no trust token");
    }
  });
});
