import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rules } from "../../src/simplestreams/index.ts";
import { rulesReference } from "./rules-reference.ts";

describe("docs/reference/rules.md", () => {
  test("shows every rule as the code has it (npm run docs makes it anew)", async () => {
    await expect(rulesReference()).toMatchFileSnapshot("../../docs/reference/rules.md");
  });

  test("has a heading for each rule, and for nothing that is no rule", () => {
    const page = readFileSync("docs/reference/rules.md", "utf8");
    const headings = [...page.matchAll(/^### `([^`]*)`$/gm)].map(([, id]) => id ?? "");
    expect(headings.toSorted()).toEqual(Object.keys(rules).toSorted());
  });

  test("gives each rule one example", () => {
    const sections = rulesReference().split(/^### /m).slice(1);
    for (const section of sections) expect(section).toMatch(/^Example: /m);
  });
});

describe("pages that name rules", () => {
  test.each([
    "docs/simplestreams.md",
    "docs/how-to/find-out-why-an-image-is-not-listed.md",
    "docs/how-to/check-a-tree-in-ci.md",
  ])("%s links to rules that are there", (page) => {
    const text = readFileSync(page, "utf8");
    const named = [...text.matchAll(/\[`([a-z-]+)`\]\([./]*reference\/rules\.md#([a-z-]+)\)/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, name = "", anchor] of named) {
      expect(anchor).toBe(name);
      expect(Object.keys(rules)).toContain(name);
    }
  });
});
