import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type BundleList, parseBundleList } from "../bundle/bundle-list.ts";
import { BundleReader } from "../bundle/bundle-reader.ts";
import { parseByteSize } from "../config/byte-size.ts";
import { findImages } from "../curate/find-images.ts";
import { HeadwaterError } from "../error.ts";
import { type BundleOutput, bundleFile, pipedOutput } from "../export/bundle/bundle-file.ts";
import { createBundle, planBundle, reportOf } from "../export/bundle/create-bundle.ts";
import { parseSelection } from "../simplestreams/selection.ts";
import type { Store } from "../store/store.ts";
import { withBundle } from "./bundle-input.ts";
import { type GlobalOptions, notice } from "./context.ts";
import type { Io } from "./io.ts";
import { storeToChange } from "./open-store.ts";
import { printCreated } from "./print-bundle.ts";
import { progressLine } from "./progress.ts";
import { readImages } from "./read-images.ts";

export interface CreateBundleOptions extends GlobalOptions {
  readonly select?: readonly string[];
  readonly stream?: readonly string[];
  readonly since?: string;
  readonly partSize?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** The smallest part that makes sense: what comes before the first image has to fit. */
const SMALLEST_PART = 1_000_000;

/** Makes a bundle, or says what would be in it. */
export async function createBundleFile(
  io: Io,
  options: CreateBundleOptions,
  { file, images }: { readonly file: string; readonly images: readonly string[] },
): Promise<void> {
  const store = await storeToChange(io, options);
  const partSize = partSizeOf(options, file);
  const { since, select, stream, force = false, dryRun = false } = options;
  const line = progressLine(io, options);
  const wishes = {
    streams: await knownStreams(store, stream),
    selections: select?.map(parseSelection),
    images: await fingerprintsOf(store, images),
    since: since === undefined ? undefined : await readEarlier(io, since),
    signer: store.signer,
    partSize,
    signal: io.signal,
    onProgress: ({ bytes, of }: { readonly bytes: number; readonly of: number }) =>
      line.update({ label: "writing", done: bytes, total: of }),
    now: Date.now,
  };
  if (dryRun) {
    printCreated(io, options, {
      store,
      dryRun,
      report: reportOf(await planBundle(store, wishes), [], wishes),
    });
    return;
  }
  const output = file === "-" ? piped(io) : () => bundleFile(resolve(io.cwd, file), { partSize, force });
  const report = await createBundle(store, output, wishes).finally(() => line.end());
  if (file !== "-") printCreated(io, options, { store, dryRun, report });
  else notice(io, options, `bundle ${report.id}: ${report.images} images`);
}

function partSizeOf({ partSize }: CreateBundleOptions, file: string): number | null {
  if (partSize === undefined) return null;
  const bytes = parseByteSize(partSize);
  if (file === "-")
    throw new HeadwaterError("USAGE", "a pipe has no parts", {
      hint: "Leave out --part-size, or name a file.",
    });
  if (bytes >= SMALLEST_PART) return bytes;
  throw new HeadwaterError("USAGE", `parts of ${bytes} bytes are too small`, {
    hint: "Such as --part-size 4GB; the least is 1MB.",
  });
}

function piped({ output }: Io): () => Promise<BundleOutput> {
  if (output === undefined) {
    throw new HeadwaterError("USAGE", "a bundle is not for a terminal", {
      hint: "Name a file, or pipe it: headwater bundle create - | ssh HOST headwater bundle apply -",
    });
  }
  return async () => pipedOutput(output);
}

async function knownStreams(
  store: Store,
  names: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  const known = (await store.newest())?.streams.map(({ name }) => name) ?? [];
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new HeadwaterError("NOT_FOUND", `there is no image stream ${JSON.stringify(unknown)}`, {
    hint: `There are: ${known.join(", ")}.`,
  });
}

async function fingerprintsOf(
  store: Store,
  targets: readonly string[],
): Promise<ReadonlySet<string> | undefined> {
  if (targets.length === 0) return undefined;
  const streams = await readImages(store);
  return new Set(
    targets.flatMap((target) => findImages(streams, target).map(({ fingerprint }) => fingerprint)),
  );
}

/** A bundle, of which only the beginning is read, so that its first part is enough; or the list that was taken out of one. */
async function readEarlier(io: Io, file: string): Promise<BundleList> {
  if (file.endsWith(".json")) return parseBundleList(await readFile(resolve(io.cwd, file)), file);
  return withBundle(io, [file], async (source) => (await BundleReader.open(source, { isWhole: false })).list);
}
