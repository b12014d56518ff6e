import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { addFiles } from "../../src/intake/files/add-files.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { verify } from "../../src/store/verify.ts";
import { needProgram } from "../image/programs.ts";
import { tinyMetadataTar } from "../image/tiny-image.ts";
import { pause, startReader } from "./processes.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const RUNS = 100;
/** Times what a whole run takes, so that some are not killed at all. */
const LONGEST = 1.5;

/** A build whose root takes xz a moment; with a squashfs each second time. */
async function addBuild(data: string, folder: string, run: number): Promise<void> {
  const own = join(folder, `build-${run}`);
  await mkdir(join(own, "root/etc"), { recursive: true });
  await writeFile(join(own, "root/etc/data"), randomBytes(512 * 1024));
  await writeFile(join(own, "metadata.tar"), await tinyMetadataTar({ salt: `run ${run}` }));
  const pack = run % 2 === 0 ? "mksquashfs root file -quiet -no-progress" : "tar -czf file -C root .";
  execFileSync("sh", ["-euc", pack], { cwd: own, stdio: "ignore" });
  const store = await openDirectoryStore(data);
  const version = `2026${String(101 + Math.floor(run / 60)).padStart(4, "0")}_00${String(run % 60).padStart(2, "0")}`;
  await addFiles(store, [join(own, "metadata.tar"), join(own, "file")], { version });
  await rm(own, { recursive: true });
}

async function makeAndKill(data: string, afterMs: number): Promise<number | null> {
  const child = spawn(process.execPath, [HEADWATER, "lxc", "--data", data], { stdio: "ignore" });
  const kill = setTimeout(() => child.kill("SIGKILL"), afterMs);
  const [status] = (await once(child, "exit")) as [number | null];
  clearTimeout(kill);
  return status;
}

it(`kill -9 at random moments of ${RUNS} times making files for LXC: what is listed is there, and the next one needs no repair`, async (context) => {
  needProgram(context, "xz", "sqfs2tar", "mksquashfs", "tar");
  const folder = await mkdtemp(join(tmpdir(), "headwater-lxc-"));
  const data = join(folder, "data");
  try {
    const store = await openDirectoryStore(data, { create: true });
    await writeFile(join(data, "headwater.yaml"), "lxc: true\n");
    const reader = startReader(data);
    const statuses: (number | null)[] = [];
    await addBuild(data, folder, 0);
    const begun = Date.now();
    expect(await makeAndKill(data, 60_000)).toBe(0);
    const longestMs = (Date.now() - begun) * LONGEST;
    for (let run = 1; run <= RUNS; run++) {
      await addBuild(data, folder, run);
      statuses.push(await makeAndKill(data, Math.random() * longestMs));
      await pause(Math.random() * 5);
    }
    const { fetched, wrong } = await reader.stop();
    expect(wrong).toEqual([]);
    expect(fetched).toBeGreaterThan(0);
    expect(statuses).toContain(0);
    expect(statuses).toContain(null);
    expect(await makeAndKill(data, 60_000)).toBe(0);
    expect((await verify(store)).damaged).toEqual([]);
    const newest = await store.newest();
    expect(newest?.documents["meta/1.0/index-system"]).toBeDefined();
    // What dead ones left was taken over, and is gone.
    expect((await readdir(join(data, "incoming"))).filter((name) => name.startsWith("lxc"))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
