import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { HeadwaterError } from "../error.ts";
import { type LookOptions, lookAt, type TreeReport } from "../explain/explain-tree.ts";
import { openFolderTree } from "../explain/folder-tree.ts";
import { openServerTree } from "../explain/http/server-tree.ts";
import { openStoreTree } from "../explain/store-tree.ts";
import type { Tree } from "../explain/tree.ts";
import type { Context, GlobalOptions } from "./context.ts";
import { DONE, FAILED, NOT_FOUND, WARNED } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { storeToRead } from "./open-store.ts";
import { printReport } from "./print-explanation.ts";
import { countLine, progressLine } from "./progress.ts";
import { version } from "./version.ts";

export interface ExplainCommandOptions extends GlobalOptions {
  readonly files?: boolean;
  readonly fetch?: boolean;
  readonly strict?: boolean;
  readonly all?: boolean;
  readonly ca?: string;
  readonly stream?: string;
}

interface Question {
  readonly where: string | undefined;
  readonly name: string | undefined;
}

/** Looks at a tree and tells a person, or a program, what is to be said. */
export async function explainWhere(
  context: Context,
  options: ExplainCommandOptions,
  asked: Question,
): Promise<void> {
  const { io } = context;
  const { where, name } = meant(io, asked);
  const tree = await openTree(io, options, where);
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

function statusOf({ findings, name }: TreeReport, { strict }: ExplainCommandOptions): number {
  if (name?.kind === "nothing") return NOT_FOUND;
  if (findings.some(({ level }) => level === "error")) return FAILED;
  return strict === true && findings.some(({ level }) => level === "warning") ? WARNED : DONE;
}

/** One word that is no address and no folder is a name in the store. */
function meant(io: Io, { where, name }: Question): Question {
  if (where === undefined || name !== undefined || isPlace(io, where)) return { where, name };
  return { where: undefined, name: where };
}

function isPlace(io: Io, text: string): boolean {
  return isAddress(text) || /^(?:\.{1,2}(?:\/|$)|\/|~)/.test(text) || isFolder(resolve(io.cwd, text));
}

function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function openTree(io: Io, options: ExplainCommandOptions, where: string | undefined): Promise<Tree> {
  if (where === undefined) return storeTree(io, options);
  if (options.stream !== undefined) {
    throw new HeadwaterError("USAGE", "--stream is for the store, and a place is named as well", {
      hint: "Leave the place out, or add the image stream to the address: https://HOST/NAME.",
    });
  }
  if (isAddress(where)) {
    return openServerTree({
      url: where,
      userAgent: `Headwater/${version()}`,
      ca: options.ca === undefined ? undefined : readPem(io, options.ca),
    });
  }
  const folder = resolve(io.cwd, where);
  if (!isFolder(folder)) {
    throw new HeadwaterError("FILE_UNREADABLE", `there is no folder ${JSON.stringify(where)}`, {
      hint: "Name an https address, or the folder in which streams/v1/index.json is.",
    });
  }
  // The folder of a store is meant as what it serves.
  if (existsSync(join(folder, "generations"))) return storeTree(io, { ...options, data: folder });
  return openFolderTree(folder);
}

async function storeTree(io: Io, options: ExplainCommandOptions): Promise<Tree> {
  const store = await storeToRead(io, options);
  const generation = await store.newest();
  if (generation === undefined) {
    throw new HeadwaterError("NOT_FOUND", `the store ${store.name} lists nothing yet`, {
      hint: "Add an image (headwater add --help), or name an address or a folder to explain.",
    });
  }
  const { stream } = options;
  if (stream !== undefined && !generation.streams.some(({ name }) => name === stream)) {
    throw new HeadwaterError("NOT_FOUND", `there is no image stream ${JSON.stringify(stream)}`, {
      hint: `There are: ${generation.streams.map(({ name }) => name).join(", ")}.`,
    });
  }
  return openStoreTree(store, generation, stream);
}

function readPem(io: Io, file: string): string {
  try {
    return readFileSync(resolve(io.cwd, file), "utf8");
  } catch (cause) {
    throw new HeadwaterError("FILE_UNREADABLE", `cannot read the certificate ${JSON.stringify(file)}`, {
      hint: "Name a PEM file, such as the one that the server prints at /ca.pem.",
      cause,
    });
  }
}
