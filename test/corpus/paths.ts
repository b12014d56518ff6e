import { type Deviation, set } from "./deviation.ts";

const SHOWN = "A list needs no file; its last part is the file's name.";

/** Paths of files. */
export const paths: readonly Deviation[] = [
  ["%", "images/100%/meta%20a.tar.xz"],
  ["?", "images/meta.tar.xz?token=1"],
  ["#", "images/meta.tar.xz#one"],
  ["dots that climb", "../../meta.tar.xz"],
  ["dots that stay", "images/./demo/../meta.tar.xz"],
  ["two slashes", "images//demo//meta.tar.xz"],
  ["a slash at its begin", "/images/meta.tar.xz"],
  ["a slash at its end", "images/meta/"],
  ["an address of another server", "https://files.example/meta.tar.xz"],
  ["a backslash", "images\\meta.tar.xz"],
  ["blanks and other scripts", "images/d\u00e9mo \u4e00/meta.tar.xz"],
  ["a colon and a plus", "images/20260101_07:42/a+b.tar.xz"],
  ["2000 characters", `${"a/".repeat(1000)}meta.tar.xz`],
].flatMap(([what, path = ""]) => [
  { name: `a path of metadata with ${what}`, about: SHOWN, edits: set.metadata("path", path) },
  { name: `a path of a root with ${what}`, about: SHOWN, edits: [set.root("path", path)] },
]);
