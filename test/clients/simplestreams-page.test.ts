import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { block, buildSmallestTree } from "../docs/simplestreams-page.ts";
import { emptyDaemons } from "./daemons.ts";
import { freshPort } from "./fresh-port.ts";
import { startNginx } from "./nginx.ts";
import { run } from "./program.ts";
import { type StaticTree, serveTree } from "./static-tree.ts";
import { FAMILIES, User, daemons } from "./user.ts";

const MARKER = "It works.";

/** docs/simplestreams.md, done as it says. Only addresses and the folder of the server are this test's. */
describe.skipIf(inject("daemons") === undefined)("the smallest tree of docs/simplestreams.md", () => {
  let folder: string;
  let server: ChildProcess | undefined;
  let plain: StaticTree | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "page-"));
    await chmod(folder, 0o755);
    await buildSmallestTree(folder);
  });
  afterEach(async () => {
    server?.kill("SIGTERM");
    await plain?.close();
    await emptyDaemons(daemons());
  });

  test.each(FAMILIES)("%s lists and launches from it, served by nginx", async (family) => {
    await run("sh", ["-eu"], { cwd: folder, input: block("certificate") });
    const [tls, clear] = await Promise.all([freshPort(), freshPort()]);
    server = await startNginx(folder, serverBlock(tls, clear), tls);
    const user = await User.create(family);
    const printed = await asWritten(user, `https://127.0.0.1:${tls}`);
    expect(printed).toContain((await fingerprint()).slice(0, 12));
    expect(await user.exec("first", "cat", "/etc/motd")).toBe(`${MARKER}\n`);
    expect(await user.baseImage("first")).toBe(await fingerprint());
    // It ends when asked to, within the time that clients give it.
    await user.run("stop", "first");
  });

  test.each(FAMILIES)("%s launches from it, served by anything that sends files", async (family) => {
    plain = await serveTree(join(folder, "tree"), new Map());
    const user = await User.create(family);
    await user.addRemote("demo", plain.url, plain.pem);
    await user.launch("demo:demo/1", "first");
    expect(await user.exec("first", "cat", "/etc/motd")).toBe(`${MARKER}\n`);
  });

  test("is in order for incus-simplestreams, which prints nothing then", async () => {
    expect(await run("sh", ["-eu"], { cwd: folder, input: block("verify") })).toBe("");
  });

  /** The page's block for this client, pasted into a shell. */
  function asWritten(user: User, url: string): Promise<string> {
    const lines = block(user.family).replaceAll("https://images.example", url);
    return run("sh", ["-eu"], { cwd: folder, env: user.env, input: lines });
  }

  function serverBlock(tls: number, clear: number): string {
    return block("nginx")
      .replaceAll(/^ *listen \[::\].*$/gm, "")
      .replaceAll("listen 443 ssl;", `listen 127.0.0.1:${tls} ssl;`)
      .replaceAll("listen 80;", `listen 127.0.0.1:${clear};`)
      .replaceAll("/srv/demo", folder);
  }

  async function fingerprint(): Promise<string> {
    const products = await readFile(join(folder, "tree/streams/v1/images.json"), "utf8");
    return /"combined_squashfs_sha256": "([0-9a-f]{64})"/.exec(products)?.[1] ?? "";
  }
});
