import { assert, dictionary, json, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { HeadwaterError } from "../../src/error.ts";
import { METADATA_LIMIT, parseMetadataYaml } from "../../src/image/metadata-yaml.ts";

const parse = (text: string) => parseMetadataYaml(Buffer.from(text), "x.tar: metadata.yaml");
const minimal = "architecture: amd64\ncreation_date: 1795230240\n";

function refusalOf(text: string | Uint8Array): HeadwaterError {
  try {
    parseMetadataYaml(typeof text === "string" ? Buffer.from(text) : text, "x.tar: metadata.yaml");
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("parseMetadataYaml", () => {
  it("reads what distrobuilder writes", () => {
    const metadata = parse(`architecture: x86_64
creation_date: 1732146300
expiry_date: 1734738300
properties:
  architecture: amd64
  description: Debian bookworm amd64 (20241120_2345)
  name: debian-bookworm-amd64-default-20241120_2345
  os: debian
  release: bookworm
  serial: "20241120_2345"
  variant: default
templates:
  /etc/hostname:
    when:
    - create
    - copy
    create_only: false
    template: hostname.tpl
    properties: {}
  /etc/hosts:
    when: [create]
    template: hosts.tpl
`);
    expect(metadata.architecture).toBe("x86_64");
    expect(metadata.creationDate).toBe(1_732_146_300);
    expect(metadata.expiryDate).toBe(1_734_738_300);
    expect(metadata.properties.get("release")).toBe("bookworm");
    expect(metadata.templates).toEqual(["hostname.tpl", "hosts.tpl"]);
  });

  it("reads the JSON that lxc image export of old versions writes", () => {
    const json = JSON.stringify({ architecture: "i686", creation_date: 1, properties: { os: "x" } });
    expect(parse(json)).toMatchObject({ architecture: "i686", creationDate: 1 });
  });

  it("keeps a scalar as it was written, as Go does when it reads into a string", () => {
    const { properties } = parse(
      `${minimal}properties:\n  release: 3.20\n  a: yes\n  b: true\n  c: 0x10\n  d: ~\n  e: "q"\n  f: 007\n  g:\n  h: |\n    two\n    lines\n`,
    );
    expect(Object.fromEntries(properties)).toEqual({
      release: "3.20",
      a: "yes",
      b: "true",
      c: "0x10",
      d: "",
      e: "q",
      f: "007",
      g: "",
      h: "two\nlines\n",
    });
  });

  it("keeps foreign names harmless", () => {
    const { properties } = parse(`${minimal}properties:\n  __proto__: x\n  constructor: y\n`);
    expect([...properties]).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it("takes missing properties and templates for none", () => {
    expect(parse(minimal).properties.size).toBe(0);
    expect(parse(`${minimal}properties:\ntemplates: ~\n`).templates).toEqual([]);
  });

  const wrong: readonly (readonly [rule: string, text: string, line: number | undefined])[] = [
    ["architecture is missing", "creation_date: 1\n", undefined],
    ["architecture is missing", "architecture:\ncreation_date: 1\n", 1],
    ["is not known", "creation_date: 1\narchitecture: z80\n", 2],
    ["creation_date is missing", "architecture: amd64\n", undefined],
    ["must not be 0", "architecture: amd64\ncreation_date: 0\n", 2],
    ["whole number", 'architecture: amd64\ncreation_date: "1795230240"\n', 2],
    ["whole number", "architecture: amd64\ncreation_date: 2026-11-21\n", 2],
    ["whole number", "architecture: amd64\ncreation_date: 1.5\n", 2],
    ["whole number", "architecture: amd64\ncreation_date: -1\n", 2],
    ["plain text", `${minimal}properties:\n  os:\n    name: x\n`, 5],
    ["plain text", `${minimal}properties:\n  os: [a]\n`, 4],
    ["keys and values", `${minimal}properties: none\n`, 3],
    ["must have keys", `${minimal}templates:\n  /etc/hosts: x\n`, 4],
    ["expected keys and values", "just text", 1],
    ["comes twice", `${minimal}architecture: arm64\n`, 3],
    ["comes twice", `${minimal}properties:\n  os: a\n  os: b\n`, 5],
    ["tag", `${minimal}properties:\n  os: !ruby/object x\n`, 4],
    ["", "a: [", 1],
  ];
  it.for(wrong)("refuses with the rule and the line: %s", ([rule, text, line]) => {
    const refusal = refusalOf(text);
    expect(refusal.code).toBe("METADATA_INVALID");
    expect(refusal.message).toContain("x.tar: metadata.yaml");
    expect(refusal.message).toContain(rule);
    expect(refusal.details["line"]).toBe(line);
  });

  it("refuses a YAML bomb, wherever it hides", () => {
    const levels = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let bomb = `x: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n`;
    for (const [index, level] of levels.entries()) {
      const next = levels[index + 1];
      if (next !== undefined) bomb += `y${next}: &${next} [${Array(9).fill(`*${level}`).join(", ")}]\n`;
    }
    expect(refusalOf(`${minimal}${bomb}`).message).toContain("aliases");
    expect(refusalOf(`${minimal}${bomb}properties:\n  os: *i\n`).code).toBe("METADATA_INVALID");
  });

  it("refuses ten thousands of nested brackets without running out of anything", () => {
    expect(refusalOf(`${minimal}x: ${"[".repeat(100_000)}`).code).toBe("METADATA_INVALID");
    expect(refusalOf(`${minimal}x: ${"[".repeat(20_000)}${"]".repeat(20_000)}`).code).toBe(
      "METADATA_INVALID",
    );
  });

  it("refuses far more than any real file has, and what is not UTF-8", () => {
    expect(refusalOf(Buffer.alloc(METADATA_LIMIT + 1, " ")).message).toContain(String(METADATA_LIMIT + 1));
    expect(refusalOf(Uint8Array.of(0x61, 0xff)).message).toContain("UTF-8");
  });

  it("gives back any text that is written as a property", () => {
    assert(
      property(dictionary(string({ minLength: 1 }), string({ unit: "grapheme" })), (properties) => {
        const text = minimal + stringify({ properties: new Map(Object.entries(properties)) });
        expect(new Map(parse(text).properties)).toEqual(new Map(Object.entries(properties)));
      }),
    );
  });

  it("answers any bytes with metadata or one clear error", () => {
    assert(
      property(oneof(string(), json(), string({ unit: "binary" })), (text) => {
        try {
          expect(parse(text).creationDate).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ name: "HeadwaterError", code: "METADATA_INVALID" });
        }
      }),
    );
  });
});
