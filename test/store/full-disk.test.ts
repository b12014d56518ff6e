import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, rm, rmdir, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, type TestContext } from "vitest";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { prune } from "../../src/store/prune.ts";
import { verify } from "../../src/store/verify.ts";
import { codeOf } from "../contract/store.ts";
import { addBytes, addText, hashOf, listedBy, removeText } from "./tiny-images.ts";

const MEGABYTE = 1024 * 1024;

let folder = "";
let refusal = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], { stdio: "pipe" });
    refusal = "";
  } catch (error) {
    refusal = `cannot mount a small tmpfs (only root can): ${String(error).split("\n")[0]}`;
  }
});
afterEach(async () => {
  if (refusal === "") execFileSync("umount", ["-l", folder]);
  await rmdir(folder);
});

function needsMount(context: TestContext): void {
  if (refusal !== "") context.skip(refusal);
}

async function fill(): Promise<void> {
  const file = await open(join(folder, "lost+found"), "w");
  try {
    for (;;) await file.write(Buffer.alloc(4096));
  } catch {
    // Full: that is what was wanted.
  } finally {
    await file.close();
  }
}

describe("a full disk", () => {
  it("refuses an image that does not fit, in one sentence, and leaves the store as before", async (context) => {
    needsMount(context);
    const store = await openDirectoryStore(folder, { create: true });
    await addText(store, "small");
    const free = (await statfs(folder)).bavail;
    expect(await codeOf(addBytes(store, randomBytes(8 * MEGABYTE)))).toBe("STORE_FULL");
    expect(await readdir(join(folder, "incoming"))).toEqual([]);
    expect((await statfs(folder)).bavail).toBe(free);
    expect(await listedBy(store, await store.newest())).toEqual([hashOf("small")]);
    expect((await verify(store)).damaged).toEqual([]);
  });

  it("down to the last page can be read, and pruned, and then written again", async (context) => {
    needsMount(context);
    const store = await openDirectoryStore(folder, { create: true });
    const big = "x".repeat(2 * MEGABYTE);
    await addText(store, big);
    await addText(store, "small");
    await removeText(store, big);
    await fill();
    const another = await openDirectoryStore(folder);
    expect(await codeOf(addText(another, "more"))).toBe("STORE_FULL");
    expect(await listedBy(another, await another.newest())).toEqual([hashOf("small")]);
    const report = await prune(another, { now: Date.now() + 1000, graceMs: 1, freeNow: true });
    expect(report.deleted.bytes).toBeGreaterThan(2 * MEGABYTE);
    await rm(join(folder, "lost+found"));
    await addText(await openDirectoryStore(folder), "more");
    expect((await verify(another)).damaged).toEqual([]);
  });
});
