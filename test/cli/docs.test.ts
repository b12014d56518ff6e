import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { upstreamSchema } from "../../src/config/upstream-schema.ts";
import { SETTINGS } from "../../src/config/schema.ts";

const PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].concat(
  readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((page) => page.endsWith(".md"))
    .map((page) => join("docs", page)),
);

/** As the forges make anchors of headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

describe("the documentation", () => {
  it.each(PAGES)("%s links to pages and headings that are there", (page) => {
    const text = readFileSync(page, "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
    for (const [link, path = "", anchor] of links) {
      const target = path === "" ? page : normalize(join(dirname(page), path));
      expect(existsSync(target), `${page}: ${link}`).toBe(true);
      if (anchor === undefined) continue;
      const headings = [...readFileSync(target, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        anchorOf(heading ?? ""),
      );
      expect(headings, `${page}: ${link}`).toContain(anchor);
    }
  });

  it("docs/reference/configuration.md has a row for every setting of an upstream", () => {
    const page = readFileSync("docs/reference/configuration.md", "utf8");
    for (const key of Object.keys(upstreamSchema.shape))
      expect(page, key).toMatch(new RegExp(`^\\| \`${key}\` \\|`, "m"));
  });

  it("ARCHITECTURE.md names tests that are there", () => {
    const named = [...readFileSync("ARCHITECTURE.md", "utf8").matchAll(/`((?:test|bench)\/[^`]*)`/g)];
    expect(named.map(([, path]) => path ?? "").filter((path) => !existsSync(path))).toEqual([]);
  });

  it("docs/reference/configuration.md has a row for every setting, with its variable", () => {
    const page = readFileSync("docs/reference/configuration.md", "utf8");
    for (const { key, variable } of SETTINGS) {
      if (variable === undefined) {
        expect(page, key).toContain(`\`${key}\``);
        continue;
      }
      expect(page).toMatch(new RegExp(`^\\|[^|]*\`${key}\`[^|]*\\|[^|]*\`${variable}\``, "m"));
    }
  });
});
