/** A document as it is served. */
export type DocumentText = string | Uint8Array;

/** The documents of a tree. What is not in it is not there. */
export interface TreeDocuments {
  /** `streams/v1/index.json`. */
  readonly index?: DocumentText | undefined;
  /** Products files by their paths, relative to the root. */
  readonly products: ReadonlyMap<string, DocumentText>;
  /** Texts of the LXC index by their names: `index-system`, `index-user`, `index-system.7`, ... */
  readonly lxc?: ReadonlyMap<string, DocumentText> | undefined;
}
