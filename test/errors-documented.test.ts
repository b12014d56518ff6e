import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { STATUS_OF_CODE } from "../src/cli/exit-status.ts";

describe("docs/reference/errors.md", () => {
  const page = readFileSync("docs/reference/errors.md", "utf8");
  const source = readFileSync("src/error.ts", "utf8");
  const union = source.slice(
    source.indexOf("export type ErrorCode"),
    source.indexOf(";", source.indexOf("export type ErrorCode")),
  );
  const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map(([, code]) => code ?? "").sort();

  it("has one row per code, with a meaning and what to do", () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \|$/gm)];
    expect(rows.map(([, code]) => code ?? "").sort()).toEqual(codes);
    for (const [, code, meaning, remedy] of rows) {
      expect(`${code}: ${meaning?.trim()}`.length, `the meaning of ${code}`).toBeGreaterThan(25);
      expect(`${code}: ${remedy?.trim()}`.length, `what to do about ${code}`).toBeGreaterThan(25);
    }
  });

  it("knows the same codes as the table of exit statuses", () => {
    expect(Object.keys(STATUS_OF_CODE).sort()).toEqual(codes);
  });
});
