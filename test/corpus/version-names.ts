import { type Deviation, set, version, versionNamed, withKeys } from "./deviation.ts";

const SKIPPED = "A version is skipped unless the first eight bytes of its name are a date.";
const DAY = "The first eight bytes are the date; the rest only sorts.";

/** Names of versions, and several versions of one product. */
export const versionNames: readonly Deviation[] = [
  { name: "a version called 2024-01-01", about: SKIPPED, edits: versionNamed("2024-01-01") },
  { name: "a version called v1", about: SKIPPED, edits: versionNamed("v1") },
  { name: "a version called 1.2.3", about: SKIPPED, edits: versionNamed("1.2.3") },
  { name: "a version called current", about: SKIPPED, edits: versionNamed("current") },
  { name: "a version with an empty name", about: SKIPPED, edits: versionNamed("") },
  { name: "a version of the 30th of February", about: SKIPPED, edits: versionNamed("20240230_0101") },
  { name: "a version of the 29th of February 2023", about: SKIPPED, edits: versionNamed("20230229_0101") },
  { name: "a version of the year 0000", about: "Go has a year 0.", edits: versionNamed("00000101") },
  { name: "a version called by its release", about: SKIPPED, edits: versionNamed("14.04.4-LTS") },
  { name: "a version of blanks before a date", about: SKIPPED, edits: versionNamed(" 20240101") },
  {
    name: "a version in digits of another script",
    about: SKIPPED,
    edits: versionNamed("\u0662\u0660\u0662\u0664"),
  },
  { name: "a version called 20240101", about: DAY, edits: versionNamed("20240101") },
  { name: "a version called 202401010742", about: DAY, edits: versionNamed("202401010742") },
  { name: "a version called 20240101_07:42", about: DAY, edits: versionNamed("20240101_07:42") },
  { name: "a version at an hour that does not exist", about: DAY, edits: versionNamed("20240101_2575") },
  { name: "a version with words after its date", about: DAY, edits: versionNamed("20240101 \u00fc release") },
  {
    name: "20240101.10 beside 20240101.9",
    about: "Names are compared as text, so the tenth build is older than the ninth.",
    edits: [
      set.product(
        "versions",
        withKeys([
          ["20240101.9", version("4")],
          ["20240101.10", version("5")],
        ]),
      ),
    ],
  },
  {
    name: "two styles of version names of one day",
    about: "Names are compared as text: the underscore sorts after every digit.",
    edits: [
      set.product(
        "versions",
        withKeys([
          ["20240101_0900", version("4")],
          ["202401011200", version("5")],
          ["20240101", version("6")],
        ]),
      ),
    ],
  },
  {
    name: "an older version beside the newest",
    about: "Both are listed; the newest has the aliases.",
    edits: [set.otherVersion("20251231_0000", version("4"))],
  },
  {
    name: "a version that is skipped beside one that is not",
    about: "Only the odd one is missing.",
    edits: [set.otherVersion("next", version("4"))],
  },
];
