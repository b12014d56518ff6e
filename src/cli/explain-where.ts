import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { HeadwaterError } from "../error.ts";
import { type LookOptions, lookAt, type TreeReport } from "../explain/explain-tree.ts";
import { openFolderTree } from "../explain/folder-tree.ts";
import { openServerTree } from "../explain/http/server-tree.ts";
import { openStoreTree } from "../explain/store-tree.ts";
import type { Tree } from "../explain/tree.ts";
import { printable, quoted } from "../simplestreams/printable.ts";
import type { Context } from "./context.ts";
import type { ExplainOptions } from "./explain-options.ts";
import { DONE, FAILED, NO_ANSWER, NOT_FOUND, WARNED } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { storeToRead } from "./open-store.ts";
import { printReport } from "./print-explanation.ts";
import { countLine, progressLine } from "./progress.ts";
import { version } from "./version.ts";

interface Question {
  readonly where: string | undefined;
  readonly name: string | undefined;
}

/** Looks at a tree and tells a person, or a program, what is to be said. */
export async function explainWhere(
  context: Context,
  options: ExplainOptions,
  asked: Question,
): Promise<void> {
  const { io } = context;
  const { where, name } = meant(io, asked);
  const tree = await openTree(io, options, where).catch((error: unknown) => {
    throw where === undefined && name !== undefined ? neitherPlaceNorStore(error, name) : error;
  });
  const fetch = options.fetch === true;
  const line = (fetch ? progressLine : countLine)(io, options);
  const look: LookOptions = {
    name,
    fetch,
    files: options.files === true ? "all" : "some",
    signal: io.signal,
    onProgress: (done, total) => line.update({ label: fetch ? "fetching" : "looking", done, total }),
  };
  try {
    const report = await lookAt(tree, look);
    line.end();
    printReport(io, options, report);
    context.exitWith(statusOf(report, options));
  } finally {
    line.end();
    await tree.close();
  }
}

/**
 * A server that does not answer is not a bad tree: who publishes it wants to know the difference, and to try again. Its status is that of
 * an upstream that cannot be reached.
 */
function statusOf({ findings, name, answered }: TreeReport, { strict }: ExplainOptions): number {
  if (!answered) return NO_ANSWER;
  // First, since a name may well be in a document that cannot be read.
  if (findings.some(({ level }) => level === "error")) return FAILED;
  if (name?.kind === "nothing") return NOT_FOUND;
  return strict === true && findings.some(({ level }) => level === "warning") ? WARNED : DONE;
}

/** One word that is no address and no folder is a name in the store. */
function meant(io: Io, { where, name }: Question): Question {
  if (where === undefined || name !== undefined || isPlace(io, where)) return { where, name };
  return { where: undefined, name: where };
}

function isPlace(io: Io, text: string): boolean {
  // Nobody calls an alias like a document; a file of any other name may stand here by chance.
  const isWritten = isAddress(text) || /^(?:\.{1,2}(?:\/|$)|\/|~(?:\/|$))|\.json$/.test(text);
  return isWritten || isFolder(resolve(io.cwd, text));
}

/** What was taken for a name in the store, and there is no store: perhaps a place was meant. */
function neitherPlaceNorStore(error: unknown, name: string): unknown {
  if (!(error instanceof HeadwaterError) || error.code !== "STORE_UNUSABLE") return error;
  const isHost = /^[^/\s]+\.[^/\s]+(?:\/|$)|^[^/\s]+:\d+(?:\/|$)/.test(name);
  return new HeadwaterError(
    "NOT_FOUND",
    `${quoted(name)} is no folder and no address, and there is no store to look it up in`,
    {
      hint: isHost
        ? `For a server: headwater explain https://${name}`
        : "Name an https address, or the folder in which streams/v1/index.json is; --data names a store.",
      cause: error,
    },
  );
}

/** With `~`, where no shell took care of it. */
function placeOf(io: Io, text: string): string {
  return text === "~" || text.startsWith("~/") ? join(io.home, text.slice(1)) : resolve(io.cwd, text);
}

function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function openTree(io: Io, options: ExplainOptions, where: string | undefined): Promise<Tree> {
  if (where === undefined) return storeTree(io, options);
  if (isAddress(where)) {
    refuseStream(options);
    return openServerTree({
      url: where,
      userAgent: `Headwater/${version()}`,
      ca: options.ca === undefined ? undefined : readPem(io, options.ca),
    });
  }
  const folder = placeOf(io, where);
  if (!isFolder(folder)) {
    const what = existsSync(folder)
      ? `${quoted(where, 200)} is not a folder`
      : `there is no folder ${quoted(where, 200)}`;
    throw new HeadwaterError("NOT_FOUND", what, {
      hint: "Name an https address, or the folder in which streams/v1/index.json is.",
    });
  }
  // The folder of a store is meant as what it serves.
  if (existsSync(join(folder, "generations"))) return storeTree(io, { ...options, data: folder });
  refuseStream(options);
  return { ...openFolderTree(folder), name: printable(where) };
}

function refuseStream({ stream }: ExplainOptions): void {
  if (stream === undefined) return;
  throw new HeadwaterError("USAGE", "--stream is for the store, and another place is named as well", {
    hint: "Leave the place out, or add the image stream to the address: https://HOST/NAME.",
  });
}

async function storeTree(io: Io, options: ExplainOptions): Promise<Tree> {
  const store = await storeToRead(io, options);
  const generation = await store.newest();
  if (generation === undefined) {
    throw new HeadwaterError("NOT_FOUND", `the store ${store.name} lists nothing yet`, {
      hint: "Add an image (headwater add --help), or name an address or a folder to explain.",
    });
  }
  const { stream } = options;
  if (stream !== undefined && !generation.streams.some(({ name }) => name === stream)) {
    throw new HeadwaterError("NOT_FOUND", `there is no image stream ${quoted(stream)}`, {
      hint: `There are: ${generation.streams.map(({ name }) => name).join(", ")}.`,
    });
  }
  return openStoreTree(store, generation, stream);
}

function readPem(io: Io, file: string): string {
  try {
    return readFileSync(resolve(io.cwd, file), "utf8");
  } catch (cause) {
    throw new HeadwaterError("USAGE", `cannot read the certificate ${quoted(file, 200)} that --ca names`, {
      hint: "Name a PEM file, such as the one that the server prints at /ca.pem.",
      cause,
    });
  }
}
