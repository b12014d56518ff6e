import { type DocumentText, smallestTree, type TreeDocuments } from "../../../src/simplestreams/index.ts";

/** A tree that was explained wrongly once. */
export interface Found {
  /** What went wrong, as the opposite. */
  readonly what: string;
  readonly tree: TreeDocuments;
  readonly name?: string;
}

const { index, products } = smallestTree();
const PATH = "streams/v1/images.json";

function treeOf(changes: {
  readonly index?: DocumentText;
  readonly products?: DocumentText;
  readonly path?: string;
}): TreeDocuments {
  const text = changes.products ?? JSON.stringify(products);
  return { index: changes.index ?? JSON.stringify(index), products: new Map([[changes.path ?? PATH, text]]) };
}

function entryOf(entry: object): string {
  const usual = { datatype: "image-downloads", format: "products:1.0", path: PATH, products: ["x"] };
  return JSON.stringify({ format: "index:1.0", index: { images: { ...usual, ...entry } } });
}

/** What random trees have found. */
export const found: readonly Found[] = [
  {
    what: "a value that is cut short is not cut in the middle of a character",
    tree: treeOf({ index: JSON.stringify({ ...index, format: ["versions", "\u{1f600}".repeat(90)] }) }),
  },
  {
    what: "the Python tools refuse an index that is a text, and say so",
    tree: treeOf({ index: '"__proto__"' }),
  },
  {
    what: "the Python tools refuse a products file that is a list, and say so",
    tree: treeOf({ products: "null" }),
  },
  {
    what: "the Python tools miss the path of an entry, too",
    tree: treeOf({ index: entryOf({ path: undefined }) }),
  },
  {
    what: "the Python tools miss the path of an entry that image clients skip",
    tree: treeOf({ index: entryOf({ path: undefined, datatype: undefined }) }),
  },
  {
    what: "an entry of an odd format without a path is told to image clients, which do not look at the format",
    tree: treeOf({ index: entryOf({ path: undefined, format: "\u0000" }) }),
  },
  {
    what: "a very long path is not in each reason whole",
    tree: treeOf({ index: entryOf({ path: "x".repeat(3000) }), path: "x".repeat(3000), products: "" }),
    name: "demo/1",
  },
];
