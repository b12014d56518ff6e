import { describe, expect, test } from "vitest";
import {
  clientProfile,
  decodeAsClient,
  imagesOfText,
  MAX_DOCUMENT_BYTES,
} from "../../src/simplestreams/index.ts";
import { sha } from "./sample-products.ts";

const incus = clientProfile("incus 6.0");
const lxd = clientProfile("lxd 5.0");

interface Changes {
  readonly metadata?: string;
  readonly product?: string;
  readonly items?: string;
}

/** A file with one image for both families, with more text inside its objects. */
function document({ metadata = "", product = "", items = "" }: Changes = {}): string {
  const item = (ftype: string) =>
    `"${ftype}":{"ftype":"${ftype}","path":"m","size":1,"combined_squashfs_sha256":"${sha("1")}"${metadata}}`;
  return `{"products":{"p":{"arch":"amd64","os":"O","release":"r"${product},"versions":{"20260101_0000":{"items":{${item("incus.tar.xz")},${item("lxd.tar.xz")},"s":{"ftype":"squashfs","path":"s","size":2}${items}}}}}}}`;
}

/*
 * What each document does to the clients was tried with Incus 6.0.4 and LXD 5.0.2, reading it from a plain web server.
 */
describe("one wrong JSON type kills the whole file for a client", () => {
  test.each([
    [
      "a boolean requirement",
      document({ product: `,"requirements":{"secureboot":false},"lxd_requirements":{"a":false}` }),
    ],
    [
      "a boolean requirement called __proto__",
      document({ product: `,"requirements":{"__proto__":true},"lxd_requirements":{"__proto__":1}` }),
    ],
    ["aliases as an array", document({ product: `,"aliases":["a"]` })],
    ["a size in quotes", document({ metadata: `,"size":"2"` })],
    ["a size with a point", document({ metadata: `,"size":2.0` })],
    ["a size with an exponent", document({ metadata: `,"size":1e3` })],
    ["a size in capitals with a point", document({ metadata: `,"SIZE":7.5` })],
    ["a size beyond 64 bits", document({ metadata: `,"size":9223372036854775808` })],
    ["supported in quotes", document({ product: `,"supported":"true"` })],
    ["a numeric release", document({ product: `,"release":12` })],
    ["a support_eol that is a number", document({ product: `,"support_eol":5` })],
    ["an item that is a number", document({ items: `,"n":5` })],
    ["an item that is an array", document({ items: `,"n":[]` })],
    ["a list instead of an object", "[]"],
    ["a number instead of an object", "5"],
    ["a licence that is a number", `{"license":5,"products":{}}`],
    ["a size whose name has a long s", document({ metadata: `,"\u017fize":"x"` })],
  ])("%s", (_what, text) => {
    for (const client of [incus, lxd]) {
      const { images, fatal } = imagesOfText(text, client);
      expect(images).toEqual([]);
      expect(fatal[0]?.rule).toBe("json-type");
      expect(fatal[0]?.reason).toMatch(/expected .*, got .*; the client refuses the whole file/);
    }
  });

  test.each([
    ["a byte order mark", `\uFEFF${document()}`],
    ["trailing text", `${document()}x`],
    ["a second document", `${document()}{}`],
    ["a NUL at the end", `${document()}\0`],
    ["NaN", document({ metadata: `,"size":NaN` })],
    ["HTML", "<html>"],
    ["nothing", ""],
  ])("%s is no JSON for it", (_what, text) => {
    for (const client of [incus, lxd]) {
      expect(imagesOfText(text, client)).toMatchObject({ images: [], fatal: [{ rule: "json-text" }] });
    }
  });

  test("a wrong value may be nested very deep", () => {
    const deep = `${"[".repeat(9000)}${"]".repeat(9000)}`;
    expect(imagesOfText(document({ product: `,"aliases":${deep}` }), incus).fatal[0]?.reason).toContain(
      "something nested very deep",
    );
  });

  test("all wrong places are named", () => {
    const { fatal } = decodeAsClient(
      document({ product: `,"os":1,"variant":2`, metadata: `,"md5":3` }),
      incus,
    );
    expect(
      fatal.map(({ product, version, item, reason }) => [product, version, item, reason.split(";")[0]]),
    ).toEqual([
      ["p", undefined, undefined, "os: expected a string, got 1"],
      ["p", undefined, undefined, "variant: expected a string, got 2"],
      ["p", "20260101_0000", "incus.tar.xz", "md5: expected a string, got 3"],
      ["p", "20260101_0000", "lxd.tar.xz", "md5: expected a string, got 3"],
    ]);
  });

  test("but only in a field that this client has", () => {
    const asked = (text: string, name: string) => imagesOfText(text, clientProfile(name)).fatal.length;
    const requirements = document({ product: `,"lxd_requirements":{"a":1}` });
    expect(asked(requirements, "incus 7")).toBe(0);
    expect(asked(requirements, "lxd 6")).toBe(1);
    expect(asked(document({ product: `,"requirements":{"a":1}` }), "lxd 5.0")).toBe(0);
    const type = document({ metadata: `,"combined_type":5` });
    expect(asked(type, "incus 6.0")).toBe(0);
    expect(asked(type, "incus 7")).toBe(2);
    expect(asked(type, "lxd 6")).toBe(0);
  });
});

describe("what a client takes as it is", () => {
  test.each([
    [
      "unknown keys of any kind",
      document({ product: `,"foo":5,"constructor":5,"__proto__":{"os":5},"image_type":[{}]` }),
    ],
    ["a fraction under an unknown key", document({ metadata: `,"sizes":7.5,"foo":{"size":2.5}` })],
    ["a fraction inside a text", document({ product: `,"label":"\\"size\\": 2.5"` })],
    ["null for a field", document({ product: `,"supported":null,"aliases":null,"requirements":null` })],
    ["null for an item", document({ items: `,"n":null` })],
    ["null for a version", document().replace(`"versions":{`, `"versions":{"20260202":null,`)],
    ["null for a product", document().replace(`"products":{`, `"products":{"q":null,`)],
    ["a product called __proto__", document().replace(`"p":`, `"__proto__":`)],
    [
      "an unknown key a hundred levels deep",
      document({ product: `,"foo":${"[".repeat(100)}${"]".repeat(100)}` }),
    ],
    ["null after a text under one key", document({ product: `,"os":null` })],
    ["white space around it", ` \n${document()}\t\r\n`],
    ["a size below nothing", document({ metadata: `,"size":1` })],
  ])("%s", (_what, text) => {
    for (const client of [incus, lxd]) {
      const { images, fatal } = imagesOfText(text, client);
      expect(fatal).toEqual([]);
      expect(images.map(({ fingerprint, properties }) => [fingerprint, properties["os"]])).toEqual([
        [sha("1"), "O"],
      ]);
    }
  });

  test("keys without regard to case, the last one counting", () => {
    const upper = document({ product: `,"Variant":"x"`, metadata: `,"SIZE":7` }).replace(`"arch"`, `"ARCH"`);
    const [image] = imagesOfText(upper, incus).images;
    expect(image?.properties["variant"]).toBe("x");
    expect(image?.size).toBe(9);
  });

  test("objects under one key together, where they are maps of names", () => {
    const second = document().replace(`"p":`, `"q":`).replace(sha("1"), sha("2"));
    const both = `${document().slice(0, -1)},${second.slice(1)}`;
    expect(imagesOfText(both, incus).images.map(({ product }) => product)).toEqual(["p", "q"]);
    expect(imagesOfText(both.replace(`"products"`, `"Products"`), incus).images).toHaveLength(2);
    expect(imagesOfText(`${document().slice(0, -1)},"products":null}`, incus)).toEqual({
      images: [],
      fatal: [],
    });
  });

  test("a name twice in a map: the last one alone", () => {
    const [image, ...others] = imagesOfText(
      document().replace(`{"p":`, `{"p":{"arch":"amd64","os":"First","variant":"x","versions":{}},"p":`),
      incus,
    ).images;
    expect(others).toEqual([]);
    expect(image?.properties).toMatchObject({ os: "O" });
    expect(image?.properties).not.toHaveProperty("variant");
  });

  test("a file that is null, as one without products", () => {
    expect(imagesOfText(" null\n", incus)).toEqual({ images: [], fatal: [] });
  });

  test("half of a surrogate pair, with a mark in its place", () => {
    const asOs = (os: string) =>
      imagesOfText(document().replace(`"O"`, `"${os}"`), incus).images[0]?.properties["os"];
    expect(asOs(String.raw`a\ud83d`)).toBe("a\uFFFD");
    expect(asOs(String.raw`\ud83d\ud83d\ude00`)).toBe("\uFFFD\u{1F600}");
    expect(asOs(String.raw`\\ud83d\uDE00`)).toBe("\\ud83d\uFFFD");
  });

  test("bytes that are not UTF-8, with a mark in their place", () => {
    const bytes = new TextEncoder().encode(document({ product: `,"variant":"?"` }));
    bytes[bytes.indexOf(0x3f)] = 0xff;
    expect(imagesOfText(bytes, incus).images[0]?.properties["variant"]).toBe("\uFFFD");
  });

  test("a null in requirements as an empty string, which is no property", () => {
    const { images } = imagesOfText(document({ product: `,"requirements":{"a":null,"b":"1"}` }), incus);
    expect(Object.keys(images[0]?.properties ?? {}).filter((key) => key.startsWith("req"))).toEqual([
      "requirements.b",
    ]);
  });
});

test("a document that is too large is refused before it is read", () => {
  for (const input of [" ".repeat(MAX_DOCUMENT_BYTES + 1), new Uint8Array(MAX_DOCUMENT_BYTES + 1)]) {
    expect(() => decodeAsClient(input, incus)).toThrow("expected at most");
  }
});
