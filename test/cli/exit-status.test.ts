import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXIT_STATUSES, STATUS_OF_CODE } from "../../src/cli/exit-status.ts";

describe("docs/reference/exit-status.md", () => {
  it("lists exactly the statuses and the error codes of the program", () => {
    const page = readFileSync("docs/reference/exit-status.md", "utf8");
    const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]*) \|$/gm)].map(
      ([, status, meaning, codes]) => ({
        status: Number(status),
        meaning: meaning?.trim(),
        codes: [...(codes ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code ?? "").sort(),
      }),
    );
    const expected = [...EXIT_STATUSES].map(([status, meaning]) => ({
      status,
      meaning,
      codes: Object.entries(STATUS_OF_CODE)
        .filter(([, other]) => other === status)
        .map(([code]) => code)
        .sort(),
    }));
    expect(rows).toEqual(expected);
  });
});
