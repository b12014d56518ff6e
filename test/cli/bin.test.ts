import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startScripted } from "../explain/scripted-server.ts";
import { ROOT_PATH, smallTree, writeTree } from "../explain/small-tree.ts";
import { writeTinyContainer } from "../image/tiny-image.ts";

const { bin } = JSON.parse(readFileSync("package.json", "utf8")) as { bin: { headwater: string } };
const MAIN = resolve(bin.headwater);
const isMissing = !existsSync(MAIN);
if (isMissing) console.warn(`skipped: ${bin.headwater} is not built (npm run build; npm test does it)`);

describe.skipIf(isMissing)("the installed program", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "headwater-bin-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function started(...argv: string[]): ChildProcess {
    const env = { PATH: process.env["PATH"], HOME: folder, HEADWATER_DATA: join(folder, "store") };
    return spawn(process.execPath, [MAIN, ...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Everything on stdout and stderr, and how it ended. */
  async function ended(child: ChildProcess): Promise<{ code: number | null; output: string }> {
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (text: Buffer) => (output += text.toString()));
    const code = await new Promise<number | null>((done) => child.once("close", done));
    return { code, output };
  }

  async function printed(child: ChildProcess, text: string): Promise<void> {
    let output = "";
    await new Promise<void>((done, failed) => {
      child.stdout?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes(text)) done();
      });
      child.once("close", (code) =>
        failed(new Error(`ended with ${code} before it printed "${text}": ${output}`)),
      );
    });
  }

  it("starts with a line by which a shell finds Node", () => {
    expect(readFileSync(MAIN, "utf8").split("\n")[0]).toBe("#!/usr/bin/env node");
  });

  it("ends with the status of what happened", async () => {
    expect(await ended(started("--version"))).toMatchObject({ code: 0 });
    expect(await ended(started("list", "--no-such-option"))).toMatchObject({ code: 2 });
    expect(await ended(started("list"))).toMatchObject({
      code: 6,
      output: expect.stringContaining(join(folder, "store")),
    });
  });

  it("explains a folder, and ends with the status of what it found", async () => {
    await writeTree(join(folder, "tree"), smallTree());
    expect(await ended(started("explain", join(folder, "tree"), "--fetch"))).toMatchObject({ code: 0 });
    await writeTree(join(folder, "tree"), { [ROOT_PATH]: "something else" });
    expect(await ended(started("explain", join(folder, "tree"), "--fetch"))).toMatchObject({
      code: 1,
      output: expect.stringContaining("error served-size"),
    });
  });

  it("ends explain --fetch with 130 after Ctrl-C while a server sends nothing", async () => {
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((done) => (asked = done));
    const server = await startScripted({ paths: { ...smallTree(), [ROOT_PATH]: () => asked() } });
    try {
      writeFileSync(join(folder, "ca.pem"), server.cert);
      const child = started("explain", server.url, "--fetch", "--ca", join(folder, "ca.pem"));
      const end = ended(child);
      await isAsked;
      child.kill("SIGINT");
      expect(await end).toEqual({ code: 130, output: "" });
    } finally {
      await server.close();
    }
  });

  it.each(["SIGINT", "SIGTERM"] as const)("serves until %s and ends with 0", async (signal) => {
    const child = started("demo", "--listen", "127.0.0.1:0", "--data", join(folder, "demo"));
    const end = ended(child);
    await printed(child, "Ctrl-C ends the server.");
    child.kill(signal);
    expect(await end).toMatchObject({ code: 0, output: expect.stringContaining("Stopping.") });
  });

  it("serves from several processes with --workers, and ends them all", async () => {
    const child = started(
      "serve",
      "--workers",
      "2",
      "--listen",
      "127.0.0.1:0",
      "--data",
      join(folder, "demo"),
    );
    const end = ended(child);
    await printed(child, "incus remote add hw");
    child.kill("SIGTERM");
    const { code, output } = await end;
    expect(code).toBe(0);
    expect(output.match(/^store: /gm)).toHaveLength(1);
  });

  it("ends with 130 at once on Ctrl-C while it adds, and leaves nothing listed", async () => {
    const { metadata, root } = await writeTinyContainer(folder, {});
    // So large, and so quick to make, that the interrupt comes while it is being read.
    truncateSync(root, 64 * 1024 ** 3);
    const store = join(folder, "interrupted");
    const child = started("add", metadata, root, "--data", store);
    const end = ended(child);
    const staged = () =>
      existsSync(join(store, "incoming")) && readdirSync(join(store, "incoming")).length > 0;
    while (!staged() && child.exitCode === null) await new Promise((done) => setTimeout(done, 10));
    child.kill("SIGINT");
    expect(await end).toEqual({ code: 130, output: `store: ${store}\n` });
    expect(readdirSync(join(store, "generations"))).toEqual([]);
    expect(readdirSync(join(store, "incoming"))).toEqual([]);
  });

  it("ends without a word when nobody reads what it prints", () => {
    const { status, stderr } = spawnSync(
      "bash",
      [
        "-c",
        `set -o pipefail; "$0" "$1" list --data "$2" -f csv | true`,
        process.execPath,
        MAIN,
        join(folder, "demo"),
      ],
      { encoding: "utf8" },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});
