import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { itemsOf } from "../../src/store/items.ts";
import { verify } from "../../src/store/verify.ts";
import { temporarySite } from "../cli/site.ts";
import { tinySquashfs } from "../image/tiny-image.ts";
import { startReader } from "./processes.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const ROUNDS = 50;
/** Beyond the time that a whole run takes, so that some are not killed at all. */
const LONGEST_MS = 900;

it("kill -9 at random moments of 50 runs of headwater delta never lists what is not there, and leaves nothing that the next run does not clear", async (context) => {
  if (spawnSync("xdelta3", ["-V"]).error !== undefined) context.skip("xdelta3 is not installed");
  const site = await temporarySite();
  const common = randomBytes(8_000_000);
  const add = async (version: string): Promise<void> => {
    const [metadata, root] = await site.files(version);
    await writeFile(root, Buffer.concat([tinySquashfs(), common, randomBytes(500_000)]));
    await site.json("add", metadata, root, "--os", "demo", "--release", "1", "--version", version);
    await rm(dirname(root), { recursive: true });
  };
  const versionOf = (round: number): string =>
    `202601${String(1 + Math.floor(round / 24)).padStart(2, "0")}_${String(round % 24).padStart(2, "0")}00`;
  try {
    await add(versionOf(0));
    const reader = startReader(site.data);
    let killed = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await add(versionOf(round));
      if (round > 2) await site.json("remove", (await fingerprints())[2] ?? "");
      const child = spawn(process.execPath, [HEADWATER, "delta", "--data", site.data, "--quiet"], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let errors = "";
      child.stderr.on("data", (chunk: Buffer) => {
        errors += chunk.toString();
      });
      const ended = once(child, "close");
      const timer = setTimeout(() => child.kill("SIGKILL"), 100 + Math.random() * LONGEST_MS);
      const [status] = (await ended) as [number | null];
      clearTimeout(timer);
      if (status === null) killed += 1;
      expect(errors).toBe("");
    }
    const { fetched, wrong } = await reader.stop();
    expect(wrong).toEqual([]);
    expect(fetched).toBeGreaterThan(0);
    expect(killed).toBeGreaterThan(0);
    expect(killed).toBeLessThan(ROUNDS);
    await add(versionOf(ROUNDS + 1));
    expect(await site.json("delta")).toMatchObject({ deltas: [{ outcome: "made" }] });
    expect((await readdir(join(site.data, "incoming"))).filter((name) => name.startsWith("deltas-"))).toEqual(
      [],
    );
    const store = await openDirectoryStore(site.data);
    expect((await verify(store)).damaged).toEqual([]);
    const newest = await store.newest();
    const items = newest === undefined ? [] : [...(await itemsOf(store, newest)).keys()];
    expect(
      items.filter((path) => path.includes(`/${versionOf(ROUNDS + 1)}/`) && path.endsWith(".vcdiff")),
    ).toHaveLength(1);
  } finally {
    await site.remove();
  }

  async function fingerprints(): Promise<string[]> {
    const images = (await site.json("list")) as { readonly fingerprint: string }[];
    return images.map(({ fingerprint }) => fingerprint);
  }
});
