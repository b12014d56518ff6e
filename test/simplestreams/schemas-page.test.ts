import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { examplesIn, promised } from "./page-examples.ts";

const page = readFileSync("docs/reference/schemas.md", "utf8");

describe("the page about the schemas", () => {
  test("has a program that prints what it says, importing as other packages do", () => {
    const examples = examplesIn(page);
    expect(examples.length).toBeGreaterThan(0);
    for (const code of examples) {
      const output = execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(output.trimEnd().split("\n")).toEqual(promised(code));
    }
  });

  test("names every file of the newest version", () => {
    const versions = readdirSync("schemas").toSorted();
    const newest = versions.at(-1) ?? "";
    expect(page).toContain(`file in \`schemas/${newest}/\``);
    const named = [...page.matchAll(/^\| `(.*?)` \|/gm)].map(([, name]) => name ?? "");
    expect(named.toSorted()).toEqual(readdirSync(`schemas/${newest}`).toSorted());
  });
});
