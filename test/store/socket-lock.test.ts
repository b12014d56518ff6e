import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { holderOf, removeStale, takeSocketLock } from "../../src/store/socket-lock.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-lock-"));
  path = join(folder, "lock");
});
afterEach(() => rm(folder, { recursive: true }));

/** A socket whose process was killed. */
function leaveSocket(): void {
  const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  try {
    execFileSync(process.execPath, ["-e", program]);
  } catch {
    // As it was to end.
  }
}

it("is had by one, who can be asked for, and by the next one after that", async () => {
  const lock = await takeSocketLock(path);
  expect(lock).toBeDefined();
  expect(await takeSocketLock(path)).toBeUndefined();
  expect(await holderOf(path)).toBe(process.pid);
  await lock?.release();
  expect(await readdir(folder)).toEqual([]);
  const next = await takeSocketLock(path);
  expect(await next?.isOurs()).toBe(true);
  await next?.release();
});

it("that a killed process left is taken over", async () => {
  leaveSocket();
  expect(await readdir(folder)).toEqual(["lock"]);
  const lock = await takeSocketLock(path);
  expect(await lock?.isOurs()).toBe(true);
  await lock?.release();
});

it("that another one has taken since it was looked at stays theirs", async () => {
  const lock = await takeSocketLock(path);
  await removeStale(path);
  expect(await lock?.isOurs()).toBe(true);
  expect(await readdir(folder)).toEqual(["lock"]);
  await lock?.release();
  leaveSocket();
  await removeStale(path);
  await removeStale(path);
  expect(await readdir(folder)).toEqual([]);
});

it("is had by one of several who try at once", async () => {
  for (let round = 0; round < 10; round++) {
    leaveSocket();
    const tries = await Promise.all([takeSocketLock(path), takeSocketLock(path)]);
    const locks = tries.filter((lock) => lock !== undefined);
    expect(locks).toHaveLength(1);
    await locks[0]?.release();
  }
});
