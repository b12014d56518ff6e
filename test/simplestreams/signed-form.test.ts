import { assert, constantFrom, jsonValue, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { signableText, signedIndex } from "../../src/simplestreams/signed-form.ts";
import { pythonLines } from "../signing/sstream-reader.ts";

describe("JSON in a clear-signed document", () => {
  it("is the same JSON, in ASCII, whatever it holds", () => {
    assert(
      property(jsonValue(), constantFrom(undefined, 1), (value, indent) => {
        const json = `${JSON.stringify(value, undefined, indent)}\n`;
        const text = signableText(json);
        expect(JSON.parse(text)).toEqual(JSON.parse(json));
        expect(text).toMatch(/^[\n\x20-\x7f]*$/);
      }),
    );
  });

  it("keeps what Python would split lines at inside its strings", () => {
    const value = { title: "a\u2028b\u0085c\u2029d\u001ce 中 \u{1f600}" };
    const text = signableText(JSON.stringify(value));
    expect(pythonLines(text)).toEqual([text]);
    expect(JSON.parse(text)).toEqual(value);
  });

  it("has no line that GnuPG would cut, as long as no string is one", () => {
    const items = Object.fromEntries(
      Array.from({ length: 3000 }, (_, at) => [
        `item ${at}`,
        { path: `a,"b",c/${at}`, sha256: "0".repeat(64) },
      ]),
    );
    const text = signableText(JSON.stringify({ items, names: Object.keys(items) }));
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(2000);
    expect(JSON.parse(text)).toEqual({ items, names: Object.keys(items) });
  });

  it("has none for want of a string to break it before, either", () => {
    const value = { sizes: Array.from({ length: 9000 }, (_, at) => at - 5), rest: [{}, {}, [1, -2], true] };
    const text = signableText(JSON.stringify(value));
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(2000);
    expect(JSON.parse(text)).toEqual(value);
  });

  it("is left as it is where it is readable already", () => {
    const json = '{\n  "format": "index:1.0"\n}';
    expect(signableText(`${json}\n`)).toBe(json);
  });
});

describe("a signed index", () => {
  it("names the signed form of each products file, and is otherwise the same", () => {
    const index = {
      index: {
        images: { datatype: "image-downloads", path: "streams/v1/images.json", products: ["a.json"] },
        maas: { path: "streams/v1/maas:v3:download.json" },
        odd: { products: [] },
      },
      format: "index:1.0",
    };
    const signed = JSON.parse(signedIndex(JSON.stringify(index))) as typeof index;
    expect(signed.index.images.path).toBe("streams/v1/images.sjson");
    expect(signed.index.maas.path).toBe("streams/v1/maas:v3:download.sjson");
    signed.index.images.path = index.index.images.path;
    signed.index.maas.path = index.index.maas.path;
    expect(signed).toEqual(index);
  });
});
