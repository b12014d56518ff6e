import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Document, isNode, parseDocument } from "yaml";
import { HeadwaterError } from "../error.ts";

/**
 * Sets one setting in the configuration file and leaves all else, comments included, as it is. The file is replaced
 * whole, so that a reader sees the old one or the new one.
 */
export async function setInConfig(file: string, path: readonly string[], value: unknown): Promise<void> {
  const document = await documentOf(file);
  const next = document.createNode(value);
  const old = document.getIn(path, true);
  if (isNode(old) && isNode(next)) {
    next.comment = old.comment ?? null;
    next.commentBefore = old.commentBefore ?? null;
  }
  document.setIn(path, next);
  await replaceFile(file, document);
}

/** Takes one setting out of the configuration file and leaves all else as it is. */
export async function removeFromConfig(file: string, path: readonly string[]): Promise<void> {
  const document = await documentOf(file);
  document.deleteIn(path);
  await replaceFile(file, document);
}

async function documentOf(file: string): Promise<Document.Parsed> {
  const document = parseDocument(await readOrEmpty(file));
  const [error] = document.errors;
  if (error === undefined) return document;
  throw new HeadwaterError("CONFIG_INVALID", `cannot change ${file}: ${error.message}`, {
    hint: "Correct the file first.",
    details: { file },
  });
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    // A first setting makes the file.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

async function replaceFile(file: string, document: Document.Parsed): Promise<void> {
  const text = document.toString({ lineWidth: 0 });
  const next = `${file}.${randomBytes(4).toString("hex")}.new`;
  try {
    const handle = await open(next, "wx", await modeFor(file, text));
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(next, file);
    const folder = await open(dirname(file), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (cause) {
    await rm(next, { force: true });
    throw new HeadwaterError("CONFIG_INVALID", `cannot write ${file}: ${String(cause)}`, {
      hint: "Check who may write there, and that the disk is not full.",
      details: { file },
      cause,
    });
  }
}

/** Passwords are for the owner alone; otherwise as it was. */
async function modeFor(file: string, text: string): Promise<number> {
  if (/^\s+credentials:/m.test(text)) return 0o600;
  return (await stat(file).catch(() => undefined))?.mode ?? 0o644;
}
