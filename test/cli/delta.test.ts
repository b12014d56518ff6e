import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type TestContext, vi } from "vitest";
import { deltaTask } from "../../src/cli/serve-deltas.ts";
import { commit } from "../../src/store/commit.ts";
import { openStore } from "../../src/compose.ts";
import { rootBytes } from "../derive/deltas/delta-site.ts";
import { recordingLogger } from "../server/site.ts";
import { fakeIo } from "./fake-io.ts";
import { type Site, temporarySite } from "./site.ts";

const hasXdelta3 = ["/usr/local/bin", "/usr/bin", "/bin"].some((folder) => existsSync(`${folder}/xdelta3`));

let site: Site;

beforeEach(async () => {
  site = await temporarySite();
});

afterEach(async () => {
  await site.remove();
});

function needsXdelta3(context: TestContext): void {
  if (!hasXdelta3) context.skip("xdelta3 is not installed");
}

async function add(version: string, release = "1"): Promise<void> {
  const [metadata, root] = await site.files(`${release} ${version}`);
  await writeFile(root, rootBytes(`${release} ${version}`));
  const { status } = await site.run([
    "add",
    metadata,
    root,
    "--os",
    "demo",
    "--release",
    release,
    "--version",
    version,
  ]);
  expect(status).toBe(0);
}

describe("headwater delta", () => {
  it("says that there is nothing to make a delta between", async () => {
    await add("20260101_0000");
    const { status, stdout } = await site.run(["delta", "--dry-run"]);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^No product made here has two versions/)]);
    expect(await site.json("delta", "--dry-run")).toMatchObject({ generation: 1, dryRun: true, deltas: [] });
  });

  it("says with --dry-run for which products one would be tried", async () => {
    for (const version of ["20260101_0000", "20260102_0000", "20260103_0000"]) await add(version);
    const { stdout } = await site.run(["delta", "--dry-run"]);
    expect(stdout).toMatch(
      /^demo:1:default:amd64 20260103_0000 from 20260102_0000: would be tried, of 297\.9 KiB\n$/,
    );
    await writeFile(join(site.data, "headwater.yaml"), "deltaMaxSize: 100KiB\n");
    expect((await site.run(["delta", "--dry-run"])).stdout).toContain("too large, of 297.9 KiB");
  });

  it("makes them, and shows them", async (context) => {
    needsXdelta3(context);
    await add("20260101_0000");
    await add("20260102_0000");
    const made = await site.run(["delta"]);
    expect(made.status).toBe(0);
    expect(made.stdout).toMatch(
      /^demo:1:default:amd64 20260102_0000 from 20260101_0000: made, \d+ B of 297\.9 KiB\n$/,
    );
    expect((await site.run(["delta"])).stdout).toContain("there already");
    const { stdout } = await site.run(["show", "demo/1"]);
    expect(stdout).toMatch(
      /^Delta: {8}demo\/1\/amd64\/default\/20260102_0000\/rootfs-from-20260101_0000-\w{8}\.vcdiff \(from 20260101_0000, /m,
    );
    expect(stdout).not.toContain("but:");
    expect(await site.json("history")).toMatchObject([{ verb: "delta" }, {}, {}]);
    expect((await site.run(["explain", "--strict"])).status).toBe(0);
  });

  it("says what is not worth it", async (context) => {
    needsXdelta3(context);
    await add("20260101_0000");
    const [metadata, root] = await site.files("other");
    const { randomBytes } = await import("node:crypto");
    const bytes = await readFile(root);
    await writeFile(root, Buffer.concat([bytes, randomBytes(300_000)]));
    await site.run(["add", metadata, root, "--os", "demo", "--release", "1", "--version", "20260102_0000"]);
    expect((await site.run(["delta"])).stdout).toMatch(/: not worth it, [\d.]+ KiB or more of 296\.9 KiB\n$/);
    expect((await site.run(["delta"])).stdout).toContain("(found out before; --again tries anew)");
  });
});

describe("the background task for deltas", () => {
  const run = async () => {
    const log = recordingLogger();
    const store = await openStore(site.data);
    const task = deltaTask(fakeIo({ cwd: site.folder }), { data: site.data }, { store, log });
    return { log, store, run: () => task.run(new AbortController().signal) };
  };

  it("makes none unless it is told to", async () => {
    await add("20260101_0000");
    await add("20260102_0000");
    const task = await run();
    await task.run();
    expect((await task.store.newest())?.number).toBe(2);
  });

  it("makes them for what is published, and says so; what there is it leaves alone", async (context) => {
    needsXdelta3(context);
    await add("20260101_0000");
    await add("20260102_0000");
    await writeFile(join(site.data, "headwater.yaml"), "deltas: true\n");
    const task = await run();
    await task.run();
    await task.run();
    expect(task.log.lines.filter((line) => JSON.stringify(line).includes("a delta was made"))).toHaveLength(
      1,
    );
    expect((await task.store.newest())?.number).toBe(3);
    await add("20260103_0000");
    await task.run();
    expect((await task.store.newest())?.reason.text).toBe(
      "demo:1:default:amd64 20260103_0000 from 20260102_0000",
    );
  });

  it("reads no lists again for a generation that changes none, as a cache makes them by the minute", async (context) => {
    needsXdelta3(context);
    await add("20260101_0000");
    await writeFile(join(site.data, "headwater.yaml"), "deltas: true\n");
    const task = await run();
    const reads = vi.spyOn(task.store, "open");
    await task.run();
    expect(reads).toHaveBeenCalled();
    reads.mockClear();
    await commit(task.store, undefined, (base) =>
      base === undefined
        ? undefined
        : { ...base, reason: { verb: "cache", text: "" }, keeps: [], blobs: "as base" },
    );
    await task.run();
    expect((await task.store.newest())?.number).toBe(2);
    expect(reads).not.toHaveBeenCalled();
  });
});
