import { join } from "node:path";

import type { Sha256 } from "../store.ts";

/**
 * Where things lie:
 *
 *     DATA/
 *       generations/0000000042.json     never changed, never deleted
 *       blobs/3f/3fa9...                live blobs, by SHA-256
 *       trash/0000000042/3fa9...        blobs that the prune of generation 42 put aside; still readable
 *       incoming/<writer>/3fa9...       finished files of a writer that has not closed yet
 *       incoming/<writer>/<n>.partial   unfinished ones
 *       incoming/<id>.json              a generation on its way to its name
 *       quarantine/3fa9...              bytes that did not match their name, for a person to look at
 *       state/                          advisory and deletable; `reserve` keeps room for a prune on a full disk
 *       tls/, keys/, headwater.yaml     the server's and the signer's, not touched here
 */
export interface Layout {
  readonly data: string;
  readonly generations: string;
  readonly blobs: string;
  readonly trash: string;
  readonly incoming: string;
  readonly quarantine: string;
  readonly state: string;
  readonly reserve: string;
  generation(number: number): string;
  blobFolder(sha256: Sha256): string;
  blob(sha256: Sha256): string;
  trashFolder(generation: number): string;
  retired(sha256: Sha256, generation: number): string;
}

export function layoutOf(data: string): Layout {
  const generations = join(data, "generations");
  const blobs = join(data, "blobs");
  const trash = join(data, "trash");
  const state = join(data, "state");
  const blobFolder = (sha256: Sha256): string => `${blobs}/${sha256.slice(0, 2)}`;
  const trashFolder = (generation: number): string => `${trash}/${tenDigits(generation)}`;
  return {
    data,
    generations,
    blobs,
    trash,
    incoming: join(data, "incoming"),
    quarantine: join(data, "quarantine"),
    state,
    reserve: join(state, "reserve"),
    generation: (number) => `${generations}/${tenDigits(number)}.json`,
    blobFolder,
    blob: (sha256) => `${blobFolder(sha256)}/${sha256}`,
    trashFolder,
    retired: (sha256, generation) => `${trashFolder(generation)}/${sha256}`,
  };
}

/** What may lie in a folder before the first generation does. */
export const knownNames: ReadonlySet<string> = new Set([
  "generations",
  "blobs",
  "trash",
  "incoming",
  "quarantine",
  "state",
  "tls",
  "keys",
  "headwater.yaml",
  "lost+found",
]);

/** Ten digits, so that names sort as numbers do. */
function tenDigits(number: number): string {
  return String(number).padStart(10, "0");
}

/** The number in `0000000042` or `0000000042.json`; undefined for other names. */
export function numberIn(name: string, suffix: "" | ".json"): number | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const digits = name.slice(0, name.length - suffix.length);
  return /^\d{10,15}$/.test(digits) ? Number(digits) : undefined;
}

/** Names from outside reach a path only through this. */
export function isSha256(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}
