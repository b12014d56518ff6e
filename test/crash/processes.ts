import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { itemsOf } from "../../src/store/items.ts";
import type { Generation } from "../../src/store/generation.ts";
import { contains, numbersOf } from "../../src/store/keeps.ts";
import type { Store } from "../../src/store/store.ts";

const DRIVER = fileURLToPath(new URL("driver.mjs", import.meta.url));
const COMPILED = fileURLToPath(new URL("../../dist/store/commit.js", import.meta.url));

/** A driver at work: see driver.mjs. */
export interface Driver {
  readonly process: ChildProcess;
  /** Resolves when it has opened the store. */
  readonly ready: Promise<void>;
  /** What it was told is published, so far. */
  readonly published: readonly string[];
  /** Resolves with what it wrote to stderr, when it has ended, however. */
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
}

export function startDriver(folder: string, ...task: readonly string[]): Driver {
  if (!existsSync(COMPILED))
    throw new Error("Build first (npm run build): child processes run the compiled program.");
  const child = spawn(process.execPath, [DRIVER, folder, ...task], { stdio: ["ignore", "pipe", "pipe"] });
  const published: string[] = [];
  let rest = "";
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "ready") resolve();
        const sha256 = /^published \d+ ([0-9a-f]{64})$/.exec(line)?.[1];
        if (sha256 !== undefined) published.push(sha256);
      }
    });
    child.once("close", () => {
      reject(new Error(`the driver ended before it was ready: ${errors}`));
    });
  });
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.once("close", (code) => {
      resolve({ code, errors });
    });
  });
  // Who kills it at once does not wait for it to be ready.
  ready.catch(() => undefined);
  return { process: child, ready, published, ended };
}

/**
 * A client that fetches everything the newest generation lists, or any one that is kept (`anyKept`), again and again, and notes what was
 * wrong.
 */
export function startReader(
  folder: string,
  { anyKept = false }: { readonly anyKept?: boolean } = {},
): { stop(): Promise<{ fetched: number; wrong: string[] }> } {
  const stopping = new AbortController();
  const wrong: string[] = [];
  let fetched = 0;
  const reading = (async () => {
    const store = await openDirectoryStore(folder);
    while (!stopping.signal.aborted) {
      const newest = await store.newest();
      const generation = anyKept && newest !== undefined ? await someKept(store, newest) : newest;
      if (generation === undefined) {
        await pause(5);
        continue;
      }
      try {
        for (const { sha256, size } of (await itemsOf(store, generation)).values()) {
          if (stopping.signal.aborted) return;
          const found = await hashOf(store, sha256);
          if (found === `${sha256} ${size}`) fetched += 1;
          else if (await isKept(store, generation.number)) wrong.push(`${sha256}: ${found}`);
        }
      } catch (error) {
        if (await isKept(store, generation.number)) wrong.push(String(error));
      }
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

async function someKept(store: Store, newest: Generation): Promise<Generation | undefined> {
  const numbers = [...numbersOf(newest.keeps), newest.number];
  return store.generation(numbers[Math.floor(Math.random() * numbers.length)] ?? newest.number);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

async function isKept(store: Store, number: number): Promise<boolean> {
  const newest = await store.newest();
  return newest !== undefined && (newest.number === number || contains(newest.keeps, number));
}

async function hashOf(store: Store, sha256: string): Promise<string> {
  const reader = await store.open(sha256);
  if (reader === undefined) return "nothing";
  try {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(256 * 1024);
    let size = 0;
    for (let count = -1; count !== 0; size += count) {
      count = await reader.read(buffer, size);
      hash.update(buffer.subarray(0, count));
    }
    return `${hash.digest("hex")} ${size}`;
  } finally {
    await reader.close();
  }
}
