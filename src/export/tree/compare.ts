import { createHash } from "node:crypto";
import { HeadwaterError } from "../../error.ts";
import { clear } from "./target-errors.ts";
import type { Target } from "./target.ts";
import type { RecordedFile } from "./tree-record.ts";
import type { WantedFile } from "./wanted.ts";

/** A wanted file beside what lies in its place. */
export interface Compared {
  readonly path: string;
  readonly file: WantedFile;
  /** `other`: with other bytes, or no file at all. */
  readonly state: "same" | "new" | "other";
  /** Of what is the same. */
  readonly modifiedMs: number | null;
  /** Something is there that no export wrote. */
  readonly isForeign: boolean;
}

/** Bytes to read at a time. */
const PIECE = 1024 * 1024;

/**
 * Tells what is in place. What an export wrote and has the size and the time of then is not read again, as `rsync` does it; everything
 * else that could be right is; with `readsAll` that too.
 */
export async function compare(
  target: Target,
  path: string,
  {
    file,
    recorded,
    readsAll,
  }: {
    readonly file: WantedFile;
    readonly recorded: RecordedFile | undefined;
    readonly readsAll: boolean;
  },
): Promise<Compared> {
  const lying = await target.look(path);
  const said = { path, file, isForeign: lying !== undefined && recorded === undefined };
  if (lying === undefined) return { ...said, state: "new", modifiedMs: null };
  const other = { ...said, state: "other", modifiedMs: null } as const;
  if (lying.kind !== "file" || lying.size !== file.size) return other;
  const { modifiedMs } = lying;
  const isKnown = !readsAll && recorded?.modifiedMs === modifiedMs && recorded.size === file.size;
  const found = isKnown ? recorded.sha256 : await hashOf(target, path);
  return found === file.sha256 ? { ...said, state: "same", modifiedMs } : other;
}

/** SHA-256 of a file of the tree. */
export async function hashOf(
  target: Target,
  path: string,
  onPiece: (bytes: number) => void = () => undefined,
): Promise<string> {
  const handle = await target.open(path);
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(PIECE);
    for (let position = 0; ; ) {
      const { bytesRead } = await clear(
        "read",
        target.place(path),
        handle.read(buffer, 0, buffer.byteLength, position),
      );
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
      onPiece(bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** What is in the way and not ours. */
export function refuseForeign(target: Target, compared: readonly Compared[]): void {
  const foreign = compared.filter(({ isForeign, state }) => isForeign && state === "other");
  const [first] = foreign;
  if (first === undefined) return;
  const more = foreign.length === 1 ? "" : ` (and ${foreign.length - 1} more)`;
  throw new HeadwaterError(
    "TARGET_UNUSABLE",
    `${target.place(first.path)}${more} is not from an export and would be replaced.`,
    { hint: "Move it away, or let --force replace it.", details: { path: target.place(first.path) } },
  );
}
