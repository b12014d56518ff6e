import type { RetentionPolicy } from "../../retention/policy.ts";
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
  /** Of a mirror: what is kept of what upstream lists and of what it dropped. A cache lists what upstream lists. */
  readonly retention?: RetentionPolicy;
  /** How long a version stays at most after upstream dropped it. Undefined: as long as retention keeps it, and without rules not at all. */
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
