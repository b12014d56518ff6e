import { type Deviation, type Edits, product, set, version } from "./deviation.ts";

const SPLIT = "Aliases are split at each comma; nothing is trimmed, dropped or made equal.";

function aliases(text: string): Edits {
  return [set.product("aliases", text)];
}

/** Aliases as products give them. */
export const aliasForms: readonly Deviation[] = [
  { name: "a blank after a comma", about: SPLIT, edits: aliases("demo/1, demo") },
  { name: "an alias with a blank in it", about: SPLIT, edits: aliases("demo one") },
  { name: "an empty alias between two", about: SPLIT, edits: aliases("demo/1,,demo") },
  { name: "an alias of commas only", about: SPLIT, edits: aliases(",,") },
  { name: "aliases that are an empty text", about: "There are none.", edits: aliases("") },
  {
    name: "an alias twice",
    about: "The image has it already the second time.",
    edits: aliases("demo,demo,other"),
  },
  { name: "an alias with a colon", about: SPLIT, edits: aliases("demo:1") },
  { name: "an alias in another script", about: SPLIT, edits: aliases("d\u00e9mo/\u4e00,\ud83d\ude00") },
  { name: "an alias of 300 characters", about: "There is no limit.", edits: aliases("a".repeat(300)) },
  {
    name: "a short alias of hex digits",
    about: "Once it is gone it may match a fingerprint.",
    edits: aliases("9,12,edfa"),
  },
  { name: "an alias like a fingerprint", about: SPLIT, edits: aliases("e".repeat(64)) },
  { name: "an alias that is the image's own fingerprint", about: SPLIT, edits: aliases("3".repeat(64)) },
  { name: "an alias with a percent sign", about: SPLIT, edits: aliases("demo%201,100%") },
  { name: "an alias with ? and #", about: SPLIT, edits: aliases("demo?1,demo#1") },
  { name: "an alias with dots for a folder", about: SPLIT, edits: aliases("../demo,./demo,demo//1,/demo/") },
  { name: "an alias that begins with a dash", about: SPLIT, edits: aliases("--help,-d") },
  { name: "an alias with a line break and an escape", about: SPLIT, edits: aliases("demo\n1,\u001b[31mred") },
  { name: "a semicolon between aliases", about: "Only a comma separates.", edits: aliases("demo/1;demo") },
  {
    name: "an alias that looks like another with its architecture",
    about: "Each alias is also offered with the architecture, so two may meet.",
    edits: aliases("demo,demo/amd64"),
  },
  {
    name: "one alias on two products",
    about: "The product that sorts first has it.",
    edits: [
      set.otherProduct(
        "other",
        product({ os: "Alpha", aliases: "demo/1,alpha", versions: { 20260101: version("4") } }),
      ),
    ],
  },
  {
    name: "one alias on two releases of which the newer one sorts last",
    about: "Releases are sorted by their text, upwards.",
    edits: [
      set.otherProduct(
        "other",
        product({ release: "2", aliases: "demo/1,demo/2", versions: { 20260601: version("4") } }),
      ),
    ],
  },
];
