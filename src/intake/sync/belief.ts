import type { UpstreamNote } from "./upstream-note.ts";

export interface Belief {
  readonly isBelieved: boolean;
  /** What to remember for the next time. */
  readonly note: Pick<UpstreamNote, "newestMs" | "olderSince">;
}

/**
 * Whether a state of an upstream is to be believed. Behind one name stand several machines that are not equally up to date; a list that goes
 * back and forth makes clients fetch what they just had. So an older state than one seen before must stay for a while.
 */
export function believe(
  updatedMs: number | undefined,
  note: UpstreamNote,
  { now, olderAfterMs }: { readonly now: number; readonly olderAfterMs: number },
): Belief {
  const { newestMs, olderSince } = note;
  if (updatedMs === undefined) return { isBelieved: true, note: newestMs === undefined ? {} : { newestMs } };
  if (newestMs === undefined || updatedMs >= newestMs)
    return { isBelieved: true, note: { newestMs: updatedMs } };
  const since = Date.parse(olderSince ?? "");
  if (Number.isFinite(since) && now - since >= olderAfterMs)
    return { isBelieved: true, note: { newestMs: updatedMs } };
  return {
    isBelieved: false,
    note: { newestMs, olderSince: Number.isFinite(since) ? (olderSince ?? "") : new Date(now).toISOString() },
  };
}
