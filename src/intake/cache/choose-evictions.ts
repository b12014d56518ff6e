import type { Sha256 } from "../../store/sha256.ts";

export interface HeldItem {
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970; 0 when it was never asked for. */
  readonly lastUse: number;
}

export interface EvictionQuestion {
  /** Of one cache. */
  readonly held: readonly HeldItem[];
  /** What somebody else needs: other image streams, running downloads. */
  readonly needed: ReadonlySet<Sha256>;
  /** Bytes that the cache may hold. Undefined: as much as the disk has room for. */
  readonly maxSize: number | undefined;
  /** Bytes. */
  readonly disk: { readonly free: number; readonly total: number };
  /** Bytes that are about to come. */
  readonly wanted: number;
}

export interface Evictions {
  /** Least recently used first. */
  readonly evict: readonly Sha256[];
  /** Whether what is wanted has room afterwards. When it has none, whatever goes, nothing goes for its sake. */
  readonly fits: boolean;
}

const LEAST_FREE_BYTES = 5 * 1024 ** 3;
const LEAST_FREE_SHARE = 0.1;

/** A tenth of the disk and 5 GiB are both left free, and never more than half of a small disk. */
export function leastFree(total: number): number {
  return Math.min(Math.max(LEAST_FREE_BYTES, total * LEAST_FREE_SHARE), total / 2);
}

/** What a cache gives up so that it is within its limits with what is about to come. */
export function chooseEvictions(question: EvictionQuestion): Evictions {
  const { wanted } = question;
  const plain = choose(question, 0);
  if (wanted === 0) return plain;
  const all = choose(question, wanted);
  return all.fits ? all : { evict: plain.evict, fits: false };
}

function choose({ held, needed, maxSize, disk }: EvictionQuestion, wanted: number): Evictions {
  const holds = held.reduce((sum, { size }) => sum + size, 0);
  const beyond = Math.max(
    maxSize === undefined ? 0 : holds + wanted - maxSize,
    leastFree(disk.total) + wanted - disk.free,
  );
  const evict: Sha256[] = [];
  let freed = 0;
  for (const { sha256, size } of held.toSorted((one, other) => one.lastUse - other.lastUse)) {
    if (freed >= beyond) break;
    if (needed.has(sha256)) continue;
    evict.push(sha256);
    freed += size;
  }
  return { evict, fits: freed >= beyond };
}
