import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporarySite } from "../cli/site.ts";
import { hashOf, itemsIn, wrongCopies, wrongFiles } from "../export/tree/walk-tree.ts";
import { sstreamText } from "../signing/sstream-reader.ts";
import { pause } from "./processes.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const ROUNDS = 100;
const LARGE = 3 * 1024 * 1024;

/** How long a client keeps an index, and a products file; it reads what they list after that. */
const CACHE_MS = 1000;
const GRACE_MS = 8 * CACHE_MS;

const sleep = () => new Promise((resolve) => setImmediate(resolve));

/**
 * A client of the tree: index, then what it names, each kept for a while, then the files. It has to find all of them. What it does not
 * get round to within the grace it does not ask for, which happens only on a machine that does not run it.
 */
function startReader(root: string, cacheMs: number, indexPath = "streams/v1/index.json") {
  const stopping = new AbortController();
  const wrong: string[] = [];
  const cache = new Map<string, { readonly text: string; readonly readAt: number }>();
  let fetched = 0;
  const document = async (path: string): Promise<{ readonly text: string; readonly readAt: number }> => {
    const known = cache.get(path);
    if (known !== undefined && Date.now() - known.readAt < cacheMs) return known;
    const readAt = Date.now();
    const bytes = await readFile(join(root, path), "utf8");
    const fresh = { text: path.endsWith(".sjson") ? sstreamText(bytes) : bytes, readAt };
    cache.set(path, fresh);
    return fresh;
  };
  const look = async (): Promise<void> => {
    const index = await document(indexPath);
    const { index: entries } = JSON.parse(index.text) as { index: Record<string, { path: string }> };
    for (const { path } of Object.values(entries)) {
      const { text, readAt } = await document(path);
      for (const { path: file, sha256 } of itemsIn(text)) {
        if (stopping.signal.aborted || Date.now() - readAt > GRACE_MS - CACHE_MS) return;
        const bytes = await readFile(join(root, file)).catch((error: unknown) => String(error));
        if (typeof bytes !== "string" && hashOf(bytes) === sha256) fetched += 1;
        else wrong.push(`${file}: ${typeof bytes === "string" ? bytes : `${bytes.length} other bytes`}`);
      }
    }
  };
  const reading = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await look();
      } catch (error) {
        wrong.push(String(error));
      }
      await sleep();
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await reading;
      return { fetched, wrong };
    },
  };
}

it("kill -9 at random moments of 100 exports never leaves a listed file unreadable, and the next one puts all right", async () => {
  const site = await temporarySite();
  const www = join(site.folder, "www");
  /** Adds an image with a root that takes a moment to copy. The same number twice is the same image. */
  const add = async (number: number): Promise<string> => {
    const [metadata, root] = await site.files(`image ${number}`);
    await writeFile(root, Buffer.concat([await readFile(root), Buffer.alloc(LARGE, number)]));
    const added = await site.json("add", metadata, root, "--os", `os${number}`);
    await rm(dirname(root), { recursive: true });
    return (added as { fingerprints: string[] }).fingerprints[0] ?? "";
  };
  const start = (at: number) => {
    const wishes = ["--grace", `${GRACE_MS}ms`, "--link", at % 3 === 0 ? "hard" : "copy", "--quiet"];
    const words = [HEADWATER, "export-tree", www, "--data", site.data, ...wishes];
    return spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
  };
  try {
    const there = [await add(0), await add(1), await add(2)];
    // Each list has a signature beside it, and a signed form that names the signed form of others.
    await site.json("key", "new");
    const begun = performance.now();
    expect((await once(start(0), "close"))[0]).toBe(0);
    // With readers at work it takes longer than alone.
    const longestMs = 2 * (performance.now() - begun);
    const readers = [startReader(www, CACHE_MS), startReader(www, 0, "streams/v1/index.sjson")];
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // Images come and go; every fourth one left a few rounds ago and comes again, under the paths it had.
      there.push(await add(round % 4 === 3 ? round - 3 : round + 3));
      await site.json("remove", there.shift() ?? "");
      const child = start(round);
      let errors = "";
      child.stderr.on("data", (chunk: Buffer) => {
        errors += chunk.toString();
      });
      const ended = once(child, "close");
      const isLeftAlone = round % 10 === 9;
      const timer = isLeftAlone
        ? undefined
        : setTimeout(() => child.kill("SIGKILL"), Math.random() * longestMs);
      const [status] = (await ended) as [number | null];
      clearTimeout(timer);
      if (status === null) killed += 1;
      expect(errors).toBe("");
      await pause(Math.random() * 20);
    }
    for (const reader of readers) {
      const { fetched, wrong } = await reader.stop();
      expect(wrong).toEqual([]);
      expect(fetched).toBeGreaterThan(0);
    }
    expect(killed).toBeGreaterThan(0);
    expect(killed).toBeLessThan(ROUNDS);

    await site.json("export-tree", www, "--grace", "0");
    expect(await site.json("export-tree", www, "--check")).toMatchObject({
      leaving: 0,
      files: 3 * 3 + 4 * 5,
    });
    expect(await readdir(join(www, ".headwater-export"))).toEqual(["new", "tree.json"]);
    expect(await readdir(join(www, ".headwater-export/new"))).toEqual([]);
    expect(await wrongFiles(www)).toEqual([]);
    expect(await wrongCopies(www)).toEqual([]);
  } finally {
    await site.remove();
  }
});
