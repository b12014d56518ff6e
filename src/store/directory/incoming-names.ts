import { randomBytes } from "node:crypto";

import type { Sha256 } from "../store.ts";

/**
 * The names in `incoming/`: a folder `<job>-<12 hex>` for each writer, and in it
 *
 *     <sha256>                       finished: synced before it got this name
 *     <12 hex>.partial               being written
 *     <sha256>.<12 hex>.partial      being written, and what it should turn out to be
 *     <sha256>.<12 hex>.left         unfinished and at rest: a later try may copy it
 */
export type IncomingName =
  | { readonly kind: "finished" | "left" | "expected"; readonly sha256: Sha256 }
  | { readonly kind: "other" };

export function writerName(job: string): string {
  return `${wordOf(job)}-${someHex()}`;
}

/** Whether a folder is one of this very job's: `sync-debian` has nothing to do with `sync`. */
export function isWriterOf(job: string, name: string): boolean {
  return new RegExp(`^${wordOf(job)}-[0-9a-f]{12}$`).test(name);
}

export function isWriter(name: string): boolean {
  return /^[a-z0-9-]+-[0-9a-f]{12}$/.test(name);
}

export function partialName(expected: Sha256 | undefined): string {
  return `${expected === undefined ? "" : `${expected}.`}${someHex()}.partial`;
}

/** The name for the same file when nobody writes it any more. */
export function leftName(partial: string): string {
  return partial.replace(/\.partial$/, ".left");
}

export function parseIncomingName(name: string): IncomingName {
  const [, sha256, ending] = /^([0-9a-f]{64})((?:\.[0-9a-f]{12}\.(?:partial|left))?)$/.exec(name) ?? [];
  if (sha256 === undefined || ending === undefined) return { kind: "other" };
  if (ending === "") return { kind: "finished", sha256 };
  return { kind: ending.endsWith(".left") ? "left" : "expected", sha256 };
}

function wordOf(job: string): string {
  return job.replaceAll(/[^a-z0-9-]/g, "") || "writer";
}

function someHex(): string {
  return randomBytes(6).toString("hex");
}
