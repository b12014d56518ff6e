import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Edit } from "../../src/simplestreams/index.ts";
import { answering, type Script, type ScriptedServer, startScripted } from "../explain/scripted-server.ts";
import { selfSigned } from "../explain/self-signed.ts";
import { faultlessTree, inProduct, ROOT_PATH, secondProduct, smallTree } from "../explain/small-tree.ts";
import { type Captured, fakeIo, type FakeIoOptions, headwater } from "./fake-io.ts";
import { run } from "../../src/cli/run.ts";

let folder: string;
const open: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-explain-"));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(folder, { recursive: true, force: true });
});

/** A server with a certificate that `--ca ca.pem` trusts. */
async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScripted(script);
  open.push(server);
  await writeFile(join(folder, "ca.pem"), server.cert);
  return server;
}

const explain = (argv: readonly string[], options: FakeIoOptions = {}): Promise<Captured> =>
  headwater(["explain", ...argv, "--ca", "ca.pem"], { cwd: folder, ...options });

async function findingsOf(...argv: string[]): Promise<string[]> {
  const { stdout } = await explain([...argv, "--json"]);
  const { findings } = JSON.parse(stdout) as { findings: { rule: string; level: string }[] };
  return findings.filter(({ level }) => level !== "note").map(({ rule }) => rule);
}

describe("headwater explain of a server", () => {
  it("tells of server, certificate and plain HTTP, and looks for the files of one image", async () => {
    const server = await serve({ paths: faultlessTree() });
    const { status, stdout } = await explain([server.url]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^https://127\\.0\\.0\\.1:${server.port}\n├── streams/v1/index\\.json `),
    );
    expect(stdout).toMatch(/^Server {7}127\.0\.0\.1, port \d+, TLS 1\.3$/m);
    expect(stdout).toMatch(/^Certificate {2}localhost, 127\.0\.0\.1; until \d{4}-/m);
    expect(stdout).toMatch(/^Plain HTTP {3}cut off, so that clients go on to https$/m);
    expect(stdout).toMatch(
      /2 files looked for; --files takes all that are listed, --fetch compares hashes too\.\n$/,
    );
  });

  it("looks for the files of all images with --files", async () => {
    const other = secondProduct({ aliases: "demo/2" });
    const text = JSON.stringify(other).replaceAll("images/demo/", "images/gone/").replaceAll("1111", "2222");
    const { url } = await serve({ paths: faultlessTree([JSON.parse(text) as Edit]) });
    expect(await findingsOf(url)).not.toContain("file-missing");
    const found = await findingsOf(url, "--files");
    expect(found.filter((rule) => rule === "file-missing")).toHaveLength(2);
  });

  it("finds with --fetch other bytes than are listed", async () => {
    const { url } = await serve({ paths: { ...faultlessTree(), [ROOT_PATH]: "WHAT is in the root" } });
    expect(await findingsOf(url)).toEqual([]);
    expect(await findingsOf(url, "--fetch")).toEqual(["served-hash", "served-fingerprint"]);
  });

  it("finds with --fetch a file that ends too early, and one that is gone", async () => {
    const short = answering(200, { "Content-Length": 19 }, "what");
    const { url } = await serve({
      paths: {
        ...faultlessTree(),
        [ROOT_PATH]: (request, response) => {
          short(request, response);
          response.socket?.end();
        },
      },
    });
    expect(await findingsOf(url, "--fetch")).toEqual(["answer-broken"]);
    const { [ROOT_PATH]: _, ...others } = faultlessTree();
    expect(await findingsOf((await serve({ paths: others })).url, "--fetch")).toEqual(["file-missing"]);
  });

  it("ends with 1 for a certificate of another address, and tells of the tree all the same", async () => {
    const certificate = await selfSigned(["10.0.0.1"]);
    const { url } = await serve({ paths: faultlessTree(), certificate });
    const { status, stdout } = await headwater(["explain", url], { cwd: folder });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^error certificate-name:/m);
    expect(stdout).toMatch(/Incus and LXD +1 image/);
  });

  it("ends with 1 for an error of the server, which says something of the tree", async () => {
    const { url } = await serve({ paths: { "streams/v1/index.json": answering(503) } });
    const { status, stdout } = await explain([url]);
    expect(status).toBe(1);
    expect(stdout).toContain("index.json  -  the server answers 503\n");
  });

  it("shows neither user nor password of an address", async () => {
    const { url } = await serve({ paths: faultlessTree() });
    const withPassword = url.replace("//", "//user:secret@");
    for (const more of [[], ["--json"], ["demo/1"]]) {
      const { stdout, stderr } = await explain([withPassword, ...more]);
      expect(stdout + stderr).not.toContain("secret");
    }
  });

  it("draws how far it is on a terminal's stderr, and nothing there elsewhere, with --quiet and with --json", async () => {
    const { url } = await serve({ paths: faultlessTree() });
    for (const more of [
      { isTTY: false },
      { isTTY: true, argv: "--quiet" },
      { isTTY: true, argv: "--json" },
    ]) {
      const { isTTY, argv } = more;
      const { stderr } = await explain([url, "--fetch", ...(argv === undefined ? [] : [argv])], { isTTY });
      expect(stderr).toBe("");
    }
  });
});

describe("headwater explain of a server that does not answer", () => {
  async function nobody(): Promise<string> {
    const server = await startScripted();
    await server.close();
    return server.url;
  }

  it("ends with 9 and says so once, without a word about documents", async () => {
    const { status, stdout, stderr } = await headwater(["explain", await nobody()], { cwd: folder });
    expect(status).toBe(9);
    expect(stderr).toBe("");
    expect(stdout.match(/^(?:error|warning|note) .*/gm)).toEqual([
      expect.stringMatching(/^error server-unreachable:/),
    ]);
    expect(stdout).toContain("Incus, LXD, sstream and lxc-create  not known\n");
    expect(stdout).not.toContain("Plain HTTP");
  });

  it("ends with 9 for a name too, and says that it is not known", async () => {
    const { status, stdout } = await headwater(["explain", await nobody(), "debian/12"], { cwd: folder });
    expect(status).toBe(9);
    expect(stdout).toContain(": not known, as there is no answer\n");
  });

  it("ends with 9 when the connection is cut before an answer", async () => {
    const { url } = await serve({ raw: (socket) => socket.destroy() });
    expect((await explain([url])).status).toBe(9);
  });

  it("prints JSON all the same", async () => {
    const { status, stdout } = await headwater(["explain", await nobody(), "--json"], { cwd: folder });
    expect(status).toBe(9);
    expect(JSON.parse(stdout)).toMatchObject({ answered: false, findings: [{ rule: "server-unreachable" }] });
  });
});

it("headwater explain --fetch ends in the middle of a file after Ctrl-C", async () => {
  const stop = new AbortController();
  const { url } = await serve({
    paths: {
      ...smallTree([inProduct("os", "Slow")]),
      [ROOT_PATH]: (_, response) => {
        response.writeHead(200, { "Content-Length": 19 });
        response.write("what");
        setTimeout(() => stop.abort("SIGINT"), 20);
      },
    },
  });
  const io = fakeIo({ cwd: folder, signal: stop.signal });
  expect(await run(["explain", url, "--fetch", "--ca", "ca.pem"], io)).toBe(130);
  expect(io.stdoutText() + io.stderrText()).toBe("");
});
