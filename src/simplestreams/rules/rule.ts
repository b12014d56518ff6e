import type { Json } from "../products.ts";

/**
 * How much a broken rule matters. `error`: a client that the image is meant for refuses, does not list, or cannot fetch it. `warning`: it
 * works, and not as its publisher means. `note`: worth knowing, and right as it is for many trees.
 */
export type Level = "error" | "warning" | "note";

/** Whoever reads a tree: the names of `clientProfiles`, and the two other programs that rules speak of. */
export const otherReaders = ["lxc", "sstream"] as const;

/** One thing that a tree or its server must get right, and how we know. */
export interface Rule {
  readonly level: Level;
  /** What must hold, as one sentence without a full stop. */
  readonly text: string;
  /** What a user sees first when it does not hold, as one sentence without a full stop. */
  readonly symptom: string;
  /** The change that mends it, as one imperative sentence without a full stop. */
  readonly mend: string;
  /** Project, file, and what the code there does. `products.go`, `sort.go`, `simplestreams.go` are in shared/simplestreams of Incus and LXD. */
  readonly source: string;
  /** For whom: names of client profiles, `lxc`, `sstream`. */
  readonly readers: readonly string[];
  readonly example: Example;
}

/** How to break a rule: changes to the smallest tree that works, or what a server answers. Tests run the first kind. */
export type Example = { readonly edits: readonly Edit[] } | { readonly answer: string };

/** One change to a document. */
export interface Edit {
  readonly document: "index" | "products" | "lxc";
  /** Keys from the top of the document; for `lxc` none. */
  readonly at: readonly string[];
  /** What stands there then; left out: the key is taken away. For `lxc` and an empty `at`: the whole text. */
  readonly value?: Json;
}
