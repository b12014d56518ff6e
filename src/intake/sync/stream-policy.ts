import type { Selection } from "../../simplestreams/selection.ts";

/** What the operator wants of one upstream. */
export interface StreamPolicy {
  /** Of its image stream: lower-case letters, digits, `-`. */
  readonly name: string;
  /** Base URL without credentials. */
  readonly url: string;
  readonly mode: "mirror" | "cache";
  /** Whether the upstream gives its files to everybody, without a password. */
  readonly isPublic: boolean;
  /** Undefined: everything. */
  readonly select?: Selection;
  /** As it was written, to notice that it changed. */
  readonly selectText?: string;
  /** Newest versions per product, counting those that upstream dropped. Undefined: what upstream lists. */
  readonly keep?: number;
  /** How long a version stays after upstream dropped it. Undefined: with `keep` for as long as it is among the newest, else not at all. */
  readonly keepDroppedMs?: number;
  readonly aliasPrefix: string;
  readonly twins: boolean;
  readonly offline: boolean;
  readonly signatures: "required" | "preferred" | "off";
  /** OpenPGP public keys, armored or binary. Needed unless `signatures` is `off`. */
  readonly keyring?: Uint8Array;
  /** Downloads at once. */
  readonly parallel: number;
  /** How long documents older than those seen before must stay before they are believed. */
  readonly believeOlderAfterMs: number;
}
