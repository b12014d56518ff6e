import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { openBundleFiles } from "../../src/bundle/source.ts";
import { verifyBundle } from "../../src/intake/bundle/verify-bundle.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { verify } from "../../src/store/verify.ts";
import { imagesIn } from "../bundle/carry.ts";
import { type Site, temporarySite } from "../cli/site.ts";
import { pause, startDriver, startReader } from "./processes.ts";

const HEADWATER = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const LARGE = 3 * 1024 * 1024;
/** Beyond the time that a whole run takes, so that some are not killed at all. */
const LONGEST_MS = 1000;

/** Adds an image whose root takes a moment to copy; resolves with its fingerprint. */
async function addImage(site: Site, number: number): Promise<string> {
  const [metadata, root] = await site.files(`image ${number}`);
  await writeFile(root, Buffer.concat([await readFile(root), Buffer.alloc(LARGE, number)]));
  const added = await site.json("add", metadata, root, "--os", `os${number}`);
  await rm(dirname(root), { recursive: true });
  return (added as { fingerprints: string[] }).fingerprints[0] ?? "";
}

function start(...words: readonly string[]): ChildProcess {
  return spawn(process.execPath, [HEADWATER, "bundle", ...words, "--quiet"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** True when it was killed before it ended by itself, which it has to do well. */
async function killSome(child: ChildProcess): Promise<boolean> {
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = once(child, "close");
  const timer = setTimeout(() => child.kill("SIGKILL"), Math.random() * LONGEST_MS);
  const [status] = (await ended) as [number | null];
  clearTimeout(timer);
  expect(errors).toBe("");
  return status === null;
}

async function expectWhole(file: string): Promise<void> {
  const source = await openBundleFiles([file]);
  try {
    await verifyBundle(source, { keyring: undefined, allowUntrusted: true, now: Date.now() });
  } finally {
    await source.close();
  }
}

/**
 * Kills `bundle create` (kill -9) at random moments: what has the name of a bundle is whole, and what is left otherwise is gone after the
 * next run.
 */
export async function killCreates(rounds: number): Promise<{ readonly killed: number }> {
  const site = await temporarySite();
  const out = join(site.folder, "out");
  const name = join(out, "site.hwb");
  let killed = 0;
  try {
    for (const number of [0, 1, 2]) await addImage(site, number);
    await mkdir(out);
    for (let round = 0; round < rounds; round++) {
      const parts = round % 2 === 0 ? [] : ["--part-size", "2MB"];
      const child = start("create", name, "--force", "--data", site.data, ...parts);
      if (await killSome(child)) killed += 1;
      const names = await readdir(out);
      if (names.includes("site.hwb")) await expectWhole(name);
      if (names.includes("site.hwb.001")) await expectWhole(`${name}.001`);
    }
    await site.json("bundle", "create", name, "--force");
    await expectWhole(name);
    expect((await readdir(out)).filter((file) => !file.endsWith(".sha256"))).toEqual(["site.hwb"]);
    return { killed };
  } finally {
    await site.remove();
  }
}

/**
 * Kills `bundle apply` at random moments, with a prune at work and a reader that must always find what is listed; the next one goes on from
 * there.
 */
export async function killApplies(
  rounds: number,
): Promise<{ readonly killed: number; readonly fetched: number }> {
  const site = await temporarySite();
  const far = join(site.folder, "far");
  const file = join(site.folder, "site.hwb");
  const apply = (): ChildProcess => start("apply", file, "--allow-untrusted", "--data", far);
  let killed = 0;
  try {
    await openDirectoryStore(far, { create: true });
    const there = [await addImage(site, 0), await addImage(site, 1)];
    const reader = startReader(far);
    for (let round = 0; round < rounds; round++) {
      // Images come and go; every fourth one left a few rounds ago and comes again.
      there.push(await addImage(site, round % 4 === 3 ? round - 2 : round + 2));
      await site.json("remove", there.shift() ?? "");
      await site.json("bundle", "create", file, "--force");
      const pruner = startDriver(far, "prune", "100");
      await pruner.ready;
      if (await killSome(apply())) killed += 1;
      await pause(Math.random() * 20);
      pruner.process.kill("SIGKILL");
      expect((await pruner.ended).errors).toBe("");
    }
    const last = apply();
    expect((await once(last, "close"))[0]).toBe(0);
    const { fetched, wrong } = await reader.stop();
    expect(wrong).toEqual([]);
    expect((await verify(await openDirectoryStore(far))).damaged).toEqual([]);
    const carried = (await imagesIn(far)).map((row) => row.replace("carried", "images"));
    expect(carried).toEqual(await imagesIn(site.data));
    return { killed, fetched };
  } finally {
    await site.remove();
  }
}
