import { history } from "../store/history.ts";
import type { Store } from "../store/store.ts";

/** One line of `headwater history`; its `--json` too. */
export interface PastGenerationRow {
  readonly generation: number;
  readonly createdAt: string;
  readonly verb: string;
  readonly text: string;
  /** Whether everything it lists is still there. */
  readonly kept: boolean;
}

/** Verbs that change nothing of what is listed. */
const HOUSEKEEPING: ReadonlySet<string> = new Set(["prune"]);

/** Newest first. */
export async function pastGenerations(store: Store, withHousekeeping: boolean): Promise<PastGenerationRow[]> {
  const rows: PastGenerationRow[] = [];
  for await (const { generation, kept } of history(store)) {
    const { number, createdAt, reason } = generation;
    if (!withHousekeeping && HOUSEKEEPING.has(reason.verb)) continue;
    rows.push({ generation: number, createdAt, verb: reason.verb, text: reason.text, kept });
  }
  return rows;
}
