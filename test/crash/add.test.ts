import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readStreams } from "../../src/publish/read-streams.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { verify } from "../../src/store/verify.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import { tinySquashfs, writeTinyContainer } from "../image/tiny-image.ts";
import { pause, startReader } from "./processes.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const RUNS = 200;
/** Beyond the time that a whole run takes, so that some are not killed at all. */
const LONGEST_MS = 700;

/** The fingerprint, when the command said that it was done before it was killed. */
async function addAndKill(
  data: string,
  files: readonly string[],
  afterMs: number,
): Promise<string | undefined> {
  const child = spawn(process.execPath, [HEADWATER, "add", ...files, "--data", data, "--json"]);
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(child, "close");
  const kill = setTimeout(() => child.kill("SIGKILL"), afterMs);
  const [status] = (await ended) as [number | null];
  clearTimeout(kill);
  if (status !== 0) return undefined;
  return (JSON.parse(said) as { fingerprints: string[] }).fingerprints[0];
}

/** A container whose root is large enough for a kill to meet the copying. */
async function writeContainer(folder: string, salt: string): Promise<string[]> {
  const { metadata, root } = await writeTinyContainer(folder, { salt });
  await writeFile(root, Buffer.concat([tinySquashfs({ salt }), Buffer.alloc(8 * 1024 * 1024, salt)]));
  return [metadata, root];
}

it("kill -9 at random moments of 200 adds loses nothing that was acknowledged, and the next add needs no repair", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-add-"));
  const data = join(folder, "data");
  try {
    await openDirectoryStore(data, { create: true });
    const reader = startReader(data);
    const acknowledged: string[] = [];
    for (let run = 0; run < RUNS; run++) {
      const files = await writeContainer(folder, `run ${run} `);
      const fingerprint = await addAndKill(data, files, Math.random() * LONGEST_MS);
      if (fingerprint !== undefined) acknowledged.push(fingerprint);
      await pause(Math.random() * 5);
    }
    const { fetched, wrong } = await reader.stop();
    expect(wrong).toEqual([]);
    expect(fetched).toBeGreaterThan(0);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(acknowledged.length).toBeLessThan(RUNS);

    const last = await addAndKill(data, await writeContainer(folder, "last "), 60_000);
    const store = await openDirectoryStore(data);
    expect((await verify(store)).damaged).toEqual([]);
    const listed = imageRows(await readStreams(store, await store.newest())).map((row) => row.fingerprint);
    expect(listed).toEqual(expect.arrayContaining([...acknowledged, last]));
    expect(new Set(listed).size).toBe(listed.length);
  } finally {
    await rm(folder, { recursive: true });
  }
});
