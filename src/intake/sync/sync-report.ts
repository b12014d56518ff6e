import type { HiddenAlias } from "../../views/merged-root.ts";
import type { Amount } from "./amount.ts";

/** For progress bars. */
export type SyncEvent =
  /** Before the first download. */
  | { readonly kind: "planned"; readonly files: number; readonly bytes: number }
  | { readonly kind: "begin"; readonly path: string; readonly size: number }
  | { readonly kind: "progress"; readonly path: string; readonly written: number }
  | { readonly kind: "end"; readonly path: string }
  | { readonly kind: "failed"; readonly path: string; readonly error: unknown };

export interface SyncFailure {
  readonly product: string;
  readonly version: string;
  readonly path: string;
  readonly error: unknown;
}

export interface SyncReport {
  readonly stream: string;
  /** The generation made; undefined when nothing changed, and with `dryRun`. */
  readonly published: number | undefined;
  /** The upstream says that nothing changed since the last time; amounts are not counted then. */
  readonly isUnchanged: boolean;
  /** What came (would come), went and stayed. */
  readonly come: Amount;
  readonly go: Amount;
  readonly stay: Amount;
  /** Bytes over the network in this run, without documents. */
  readonly fetched: number;
  /** Images left out because something is wrong with them at the upstream; the next sync tries again. */
  readonly failures: readonly SyncFailure[];
  /** What was left out or changed in reading the upstream's documents. */
  readonly oddities: readonly string[];
  /** The upstream shows an older state than before; it is not believed yet. */
  readonly isOlder: boolean;
  /** Aliases that an earlier image stream has, which clients therefore do not get from this one. */
  readonly hiddenAliases: readonly HiddenAlias[];
}
