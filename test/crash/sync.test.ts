import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { verify } from "../../src/store/verify.ts";
import { startSite } from "../upstream/hostile-site.ts";
import { heldPaths, sha256, tinyUpstream } from "../intake/sync/tiny-upstream.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const ROUNDS = 25;
const LONGEST_MS = 1200;
const FILES = 6;
const SIZE = 1_500_000;

function headwater(data: string, ...words: readonly string[]) {
  return spawn(process.execPath, [HEADWATER, ...words, "--data", data], { stdio: "ignore" });
}

/** Hashes of the files that a killed sync had finished. */
async function finished(data: string): Promise<Set<string>> {
  const incoming = join(data, "incoming");
  const writers = await readdir(incoming).catch(() => []);
  const names = await Promise.all(writers.map((writer) => readdir(join(incoming, writer)).catch(() => [])));
  return new Set(names.flat().filter((name) => /^[0-9a-f]{64}$/.test(name)));
}

it("kill -9 at random moments of syncs leaves nothing wrong, and no file that was complete is fetched again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-sync-"));
  const data = join(folder, "data");
  const versions = Array.from({ length: FILES }, (_, at) => ({
    version: `2026010${at + 1}_0000`,
    size: SIZE,
  }));
  const files = tinyUpstream(versions);
  const roots = new Set([...files.keys()].filter((path) => path.endsWith("squashfs")));
  const site = await startSite({ files });
  try {
    const ca = join(folder, "ca.pem");
    await writeFile(ca, site.ca ?? "");
    const flags = ["--mode", "mirror", "--ca", ca, "--bandwidth", "6MB", "--no-check"];
    await once(headwater(data, "upstream", "add", site.url, "--name", "up", ...flags), "close");
    const store = await openDirectoryStore(data);
    const hashes = new Map([...files].map(([path, bytes]) => [path, sha256(bytes)]));
    let kills = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const complete = await finished(data);
      const before = site.log.length;
      const child = headwater(data, "sync");
      const ended = once(child, "close");
      const timer = setTimeout(() => child.kill("SIGKILL"), Math.random() * LONGEST_MS);
      const [status] = (await ended) as [number | null];
      clearTimeout(timer);
      if (status === null) kills += 1;
      expect((await verify(store)).damaged).toEqual([]);
      const again = site.log.slice(before).filter(({ path }) => complete.has(hashes.get(path) ?? ""));
      expect(again.map(({ path }) => path)).toEqual([]);
      if (status === 0) break;
    }
    expect(kills).toBeGreaterThan(0);
    const [status] = (await once(headwater(data, "sync"), "close")) as [number | null];
    expect(status).toBe(0);
    expect(await heldPaths(store)).toHaveLength(2 * FILES);
    // What was there of a file was gone on with.
    expect(site.log.some(({ path, range }) => roots.has(path) && range !== undefined)).toBe(true);
    expect(await readdir(join(data, "incoming"))).toEqual([]);
  } finally {
    await site.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
