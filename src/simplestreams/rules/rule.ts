import type { Json } from "../products.ts";

/**
 * How much a broken rule matters. `error`: a client that the image is meant for refuses it, does not list it, or cannot fetch it.
 * `warning`: it works, and not as its publisher means. `note`: worth knowing, and right as it is in many trees.
 */
export type Level = "error" | "warning" | "note";

const RANK: Readonly<Record<Level, number>> = { error: 0, warning: 1, note: 2 };

/** For `sort`: errors first, notes last. */
export function byLevel(a: { readonly level: Level }, b: { readonly level: Level }): number {
  return RANK[a.level] - RANK[b.level];
}

/** One thing that a tree or its server must get right, and how we know. */
export interface Rule {
  readonly level: Level;
  /** What must hold, as one sentence without a full stop. */
  readonly text: string;
  /** What a user sees first when it does not hold, as one sentence without a full stop. */
  readonly symptom: string;
  /** The change that mends it, as one imperative sentence without a full stop. */
  readonly mend: string;
  /**
   * Project, file, and what the code there does. Incus is lxc/incus, LXD is canonical/lxd; `products.go`, `sort.go` and `simplestreams.go`
   * are in shared/simplestreams of both.
   */
  readonly source: string;
  /** For whom: names of client profiles, `lxc` (lxc-create -t download), `sstream` (the Python tools). */
  readonly readers: readonly string[];
  readonly example: Example;
}

/** How to break a rule: changes to the smallest tree that works, or what a server answers. Tests run the first kind. */
export type Example = { readonly edits: readonly Edit[] } | { readonly answer: string };

/** One change to a document. */
export interface Edit {
  /** `other` is a second products file, `streams/v1/other.json`; `lxc` is the text `meta/1.0/index-system`. */
  readonly document: "index" | "products" | "other" | "lxc";
  /** Keys from the top of the document; none: the whole document. */
  readonly at: readonly string[];
  /** What stands there then; left out: the key, or the document, is taken away. A text for the whole document is its text as it is. */
  readonly value?: Json;
}
