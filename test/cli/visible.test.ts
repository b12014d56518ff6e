import { assert, asyncProperty, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { csvText, jsonText, printData, printListing } from "../../src/cli/output.ts";
import { visible } from "../../src/cli/visible.ts";
import { fakeIo } from "./fake-io.ts";

const NASTY = "a\u001b[2Jb\u009b31mc\u202ed\u0000e\r\nf\u007fg\u2028h\ufeff";
const RAW = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const foreignText = string({ unit: "binary" });

describe("visible", () => {
  it("shows escape sequences instead of obeying them", () => {
    expect(visible("\u001b[2J")).toBe("\\u001b[2J");
    expect(visible(NASTY)).not.toMatch(RAW);
  });

  it("leaves nothing a terminal would obey, whatever the text", () => {
    assert(property(foreignText, (text) => !RAW.test(visible(text))));
  });

  it("leaves ordinary text of any language alone", () => {
    expect(visible("Débian 12 – 日本語 ✓ 🐧")).toBe("Débian 12 – 日本語 ✓ 🐧");
  });
});

describe("the formats", () => {
  const columns = [{ title: "name", value: (row: { name: string }) => row.name }];

  it.each(["table", "csv", "json", "yaml"] as const)("keep %s safe to print", async (format) => {
    const io = fakeIo();
    await printListing(io, format, { rows: [{ name: NASTY }], columns });
    expect(io.stdoutText().replaceAll("\n", "")).not.toMatch(RAW);
    expect(io.stdoutText()).toMatch(/\\u001b|\\e/);
  });

  it("give back the same value from json, whatever the text", () => {
    assert(
      property(foreignText, (text) => {
        expect(JSON.parse(jsonText({ text }))).toEqual({ text });
      }),
    );
  });

  it("give back the same value from yaml", async () => {
    await assert(
      asyncProperty(string({ unit: "grapheme" }), async (text) => {
        const io = fakeIo();
        await printData(io, "yaml", { text: `${text}\u001b` });
        expect(parse(io.stdoutText())).toEqual({ text: `${text}\u001b` });
      }),
    );
  });

  it("quote csv so that a reader finds the same fields", () => {
    const rows = [{ name: 'a "quoted", word' }, { name: " padded " }, { name: "plain" }];
    expect(csvText({ rows, columns })).toBe('name\n"a ""quoted"", word"\n" padded "\nplain\n');
  });

  it("draw tables as incus and lxc do", async () => {
    const io = fakeIo();
    const size = { title: "size", value: () => 2048, shown: () => "2 KiB", align: "right" as const };
    await printListing(io, "table", { rows: [{ name: "first" }], columns: [...columns, size] });
    expect(io.stdoutText()).toBe(
      [
        "+-------+-------+",
        "| NAME  |  SIZE |",
        "+-------+-------+",
        "| first | 2 KiB |",
        "+-------+-------+",
        "",
      ].join("\n"),
    );
  });

  it("align what is wide, such as Chinese, and what has no width", async () => {
    const io = fakeIo();
    await printListing(io, "table", {
      rows: [{ name: "ab" }, { name: "日本" }, { name: "e\u0301" }],
      columns,
    });
    expect(
      io
        .stdoutText()
        .split("\n")
        .filter((line) => line.startsWith("|")),
    ).toEqual(["| NAME |", "| ab   |", "| 日本 |", "| e\u0301    |"]);
  });

  it("colour headings on a terminal only, and not with NO_COLOR", async () => {
    const printed = async (options: Parameters<typeof fakeIo>[0]) => {
      const io = fakeIo(options);
      await printListing(io, "table", { rows: [], columns });
      return io.stdoutText();
    };
    expect(await printed({ isTTY: true })).toContain("\u001b[1m");
    expect(await printed({ isTTY: true, env: { NO_COLOR: "1" } })).not.toContain("\u001b");
    expect(await printed({ isTTY: false })).not.toContain("\u001b");
  });
});
