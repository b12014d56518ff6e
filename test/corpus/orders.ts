import { type Deviation, type Edits, product, set, version, withKeys } from "./deviation.ts";

/** Many products, each an image of its own. */
function many(count: number, fieldsOf: (at: number) => Parameters<typeof product>[0]): Edits {
  const products = Array.from({ length: count }, (_, at) => {
    const build = JSON.stringify(version()).replaceAll("3".repeat(64), String(at).padStart(64, "0"));
    const versions = { [`20260101_${String(at).padStart(4, "0")}`]: JSON.parse(build) };
    return [`demo:${at}`, product({ ...fieldsOf(at), versions })] as const;
  });
  return [set.file("products", withKeys(products))];
}

/** What clients sort by, and how many they sort. */
export const orders: readonly Deviation[] = [
  {
    name: "a variant on one of two products",
    about:
      "The test for a missing property looks at one side twice; two images keep the order in which Go's map has them.",
    edits: many(2, (at) => ({ aliases: "demo", ...(at === 0 ? {} : { variant: "" }) })),
    undefinedOrder: true,
  },
  {
    name: "a variant on every second of 40 products",
    about: "More than twelve images without an order: aliases lead to any build.",
    edits: many(40, (at) => ({ aliases: "demo/1", variant: at % 2 === 0 ? "" : "default" })),
    undefinedOrder: true,
  },
  {
    name: "an os on every second of 40 products",
    about: "The same for an os.",
    edits: many(40, (at) => ({ aliases: "demo/1", os: at % 2 === 0 ? "" : "Demo" })),
    undefinedOrder: true,
  },
  {
    name: "a variant on none of 40 products",
    about: "Without it they still have an order.",
    edits: many(40, () => ({ aliases: "demo/1", variant: "" })),
  },
  {
    name: "a variant on every product but one of another release",
    about: "Only images of one os and release are compared by variant.",
    edits: many(40, (at) => ({
      aliases: `demo/${at}`,
      release: at === 7 ? "other" : "1",
      variant: at === 7 ? "" : "default",
    })),
  },
  {
    name: "2000 products",
    about: "There is no limit.",
    edits: many(2000, (at) => ({ release: String(at), aliases: `demo/${at}` })),
  },
  {
    name: "names that sort by bytes and not by letters",
    about: "Texts are compared by their UTF-8 bytes.",
    edits: many(6, (at) => ({ os: ["b", "B", "\u00e4", "\uffee", "\ud83d\ude00", "a"][at] ?? "" })),
  },
];
