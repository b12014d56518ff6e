import { join } from "node:path";
import { BundleReader } from "../../src/bundle/bundle-reader.ts";
import type { BundleList } from "../../src/bundle/bundle-list.ts";
import { openBundleFiles } from "../../src/bundle/source.ts";
import { openOrMakeStore, openStore } from "../../src/compose.ts";
import { bundleFile } from "../../src/export/bundle/bundle-file.ts";
import {
  createBundle,
  type CreateOptions,
  type CreateReport,
} from "../../src/export/bundle/create-bundle.ts";
import { applyBundle, type ApplyOptions, type ApplyReport } from "../../src/intake/bundle/apply-bundle.ts";
import { KEEP_ALL } from "../../src/retention/policy.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import { readStreams } from "../../src/publish/read-streams.ts";

/** Makes a bundle of a store's newest generation. */
export async function carryOut(
  data: string,
  file: string,
  options: Partial<CreateOptions> & { readonly force?: boolean } = {},
): Promise<CreateReport> {
  const { partSize = null, force = false } = options;
  return createBundle(await openStore(data), () => bundleFile(file, { partSize, force }), {
    now: Date.now,
    ...options,
    partSize,
  });
}

/** Applies one; whoever names no keyring does not ask who made it. */
export async function carryIn(
  data: string,
  files: string | readonly string[],
  options: Partial<ApplyOptions> = {},
): Promise<ApplyReport> {
  const source = await openBundleFiles(typeof files === "string" ? [files] : files);
  try {
    return await applyBundle(await openOrMakeStore(data), source, {
      names: new Map(),
      retention: KEEP_ALL,
      force: false,
      dryRun: false,
      keyring: undefined,
      allowUntrusted: options.keyring === undefined,
      now: Date.now,
      ...options,
    });
  } finally {
    await source.close();
  }
}

export async function listOf(file: string): Promise<BundleList> {
  const source = await openBundleFiles([file]);
  try {
    return (await BundleReader.open(source, { isWhole: false })).list;
  } finally {
    await source.close();
  }
}

/** What a store lists: `<image stream> <first alias> <fingerprint>`, sorted. */
export async function imagesIn(data: string): Promise<readonly string[]> {
  const store = await openOrMakeStore(data);
  const rows = imageRows(await readStreams(store, await store.newest()));
  return rows.map(({ stream, aliases, fingerprint }) => `${stream} ${aliases[0]} ${fingerprint}`).sort();
}

/** The number of a store's newest generation; 0 in an empty one. */
export async function newestOf(data: string): Promise<number> {
  return (await (await openOrMakeStore(data)).newest())?.number ?? 0;
}

export function beside(data: string, name: string): string {
  return join(data, "..", name);
}
