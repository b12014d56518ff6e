import { describe, expect, test } from "vitest";
import { HeadwaterError } from "../../src/error.ts";
import {
  MAX_DOCUMENT_BYTES,
  parseIndex,
  parseProducts,
  readOwnProducts,
  renderProducts,
} from "../../src/simplestreams/index.ts";

function refused(input: string | Uint8Array): HeadwaterError {
  try {
    parseProducts(input, { name: "images.json" });
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

/** A document with one item, and `change` applied to its text. */
function withItem(item: string): string {
  return `{"products":{"p":{"versions":{"20260101_0000":{"items":{"i":${item}}}}}}}`;
}

describe("a products file from outside", () => {
  test("becomes Maps where names come from outside, with every other key as it was", () => {
    const file = parseProducts(
      `{"foo":[1],"products":{"p":{"arch":"amd64","x":{"y":null},"versions":{"20260101_0000":{"z":2,"items":{"i":{"ftype":"squashfs","md5":"m"}}}}}}}`,
    );
    expect(file["foo"]).toEqual([1]);
    const product = file.products.get("p");
    expect(product?.arch).toBe("amd64");
    expect(product?.["x"]).toEqual({ y: null });
    expect(product?.versions.get("20260101_0000")?.["z"]).toBe(2);
    expect(product?.versions.get("20260101_0000")?.items.get("i")).toEqual({ ftype: "squashfs", md5: "m" });
  });

  test("may call anything __proto__ or constructor", () => {
    const text = `{"__proto__":{"a":1},"products":{"__proto__":{"__proto__":5,"requirements":{"__proto__":"x","constructor":"y"},"versions":{"__proto__":{"items":{"__proto__":{"__proto__":"p","ftype":"squashfs"},"constructor":{"ftype":"z"}}}}},"constructor":{}}}`;
    const file = parseProducts(text);
    expect([...file.products.keys()]).toEqual(["__proto__", "constructor"]);
    const product = file.products.get("__proto__");
    expect(product?.versions.get("__proto__")?.items.get("constructor")).toEqual({ ftype: "z" });
    expect(Object.keys(product?.requirements ?? {})).toEqual(["__proto__", "constructor"]);
    expect(product?.requirements?.["toString"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
    expect(JSON.parse(renderProducts(file))).toEqual(
      JSON.parse(text.replace('"constructor":{}}}', '"constructor":{"versions":{}}}}')),
    );
  });

  test("may leave out versions and items, and null counts as left out", () => {
    const file = parseProducts(`{"products":{"p":{"arch":null,"versions":{"v":{"items":null}}},"q":{}}}`);
    expect(file.products.get("p")).not.toHaveProperty("arch");
    expect(file.products.get("p")?.versions.get("v")?.items.size).toBe(0);
    expect(file.products.get("q")?.versions.size).toBe(0);
  });

  test.each([
    [
      "a boolean requirement",
      `{"products":{"p":{"requirements":{"secureboot":false}}}}`,
      'products["p"].requirements.secureboot: expected a string, got false',
    ],
    [
      "a boolean requirement called __proto__",
      `{"products":{"p":{"requirements":{"__proto__":false}}}}`,
      'products["p"].requirements["__proto__"]: expected a string, got false',
    ],
    [
      "an array of aliases",
      `{"products":{"p":{"aliases":["a"]}}}`,
      'products["p"].aliases: expected a string, got ["a"]',
    ],
    ["a size in quotes", withItem(`{"size":"123"}`), 'items["i"].size: expected a whole number, got "123"'],
    ["half a byte", withItem(`{"size":1.5}`), 'items["i"].size: expected a whole number, got 1.5'],
    ["a size below nothing", withItem(`{"size":-1}`), 'items["i"].size: expected 0 or more, got -1'],
    ["an item that is an array", withItem(`[1]`), 'items["i"]: expected an object, got [1]'],
    ["an item that is null", withItem(`null`), 'items["i"]: expected an object, got null'],
    [
      "supported as text",
      `{"products":{"p":{"supported":"true"}}}`,
      'products["p"].supported: expected true or false, got "true"',
    ],
    [
      "versions as an array",
      `{"products":{"p":{"versions":[]}}}`,
      'products["p"].versions: expected an object, got []',
    ],
    ["products as an array", `{"products":[]}`, "products: expected an object, got []"],
    ["no products", `{}`, "products: expected an object, got nothing"],
    ["a byte order mark", `\uFEFF{"products":{}}`, "byte order mark"],
    ["a NUL byte", `{"products":{}\0}`, "NUL byte"],
    ["an HTML page", `<!doctype html><html>`, "HTML page"],
    ["trailing bytes", `{"products":{}} x`, 'goes on after its end at character 16: "x"'],
    ["a second document", `{"products":{}}{}`, "goes on after its end"],
    ["a file cut off", `{"products":{"p":{`, "cut off"],
    ["a file cut off in a string", `{"products":{"p\\"`, "cut off"],
    ["nothing", "", "it is empty"],
    ["a list", "[]", "expected a JSON object"],
    ["a comma too many", `{"products":{},}`, "it is not JSON"],
    ["brackets that close too early", `]}`, "expected a JSON object"],
    ["bytes that are not UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), "expected UTF-8"],
  ])("with %s is refused, with the place and the value", (_what, text, message) => {
    const error = refused(text);
    expect(error.code).toBe("DOCUMENT_INVALID");
    expect(error.message).toContain(message);
    expect(error.message).toContain("images.json");
  });

  test("cannot write to a terminal through its names and values", () => {
    const bad = "\u001b[31m\u202ered\u0007";
    const error = refused(
      JSON.stringify({ products: { [bad]: { versions: { [bad]: { items: { [bad]: { size: bad } } } } } } }),
    );
    expect(error.message).toContain("\\u001b");
    expect(error.message).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
  });

  test("cannot fill a screen through a value", () => {
    const error = refused(withItem(`{"size":"${"x".repeat(100_000)}"}`));
    expect(error.message.length).toBeLessThan(400);
  });

  test("may have 64 levels and no more", () => {
    const nested = (levels: number) =>
      `{"products":{},"x":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect(parseProducts(nested(64)).products.size).toBe(0);
    expect(refused(nested(65)).message).toContain("expected at most 64 levels");
  });

  test("counts no brackets inside strings, whatever is escaped there", () => {
    const text = JSON.stringify({ products: { [`"${"[".repeat(99)}\\`]: { os: `\\${"{".repeat(99)}"` } } });
    expect(parseProducts(text).products.size).toBe(1);
  });

  test("may have 64 MiB and no more", () => {
    expect(refused(" ".repeat(MAX_DOCUMENT_BYTES + 1)).code).toBe("DOCUMENT_TOO_LARGE");
    expect(refused(new Uint8Array(MAX_DOCUMENT_BYTES + 1)).code).toBe("DOCUMENT_TOO_LARGE");
  });

  test("reads the same from bytes and from text", () => {
    const text = `{"products":{"p":{"os":"Débian","versions":{}}}}`;
    expect(parseProducts(new TextEncoder().encode(text))).toEqual(parseProducts(text));
  });
});

describe("an index from outside", () => {
  test("becomes a Map of its entries", () => {
    const file = parseIndex(
      `{"format":"index:1.0","index":{"__proto__":{"path":"a","products":["x"]},"b":{}}}`,
    );
    expect([...file.index]).toEqual([
      ["__proto__", { path: "a", products: ["x"] }],
      ["b", {}],
    ]);
  });

  test.each([
    [`{"index":{"a":{"products":"x"}}}`, 'index["a"].products: expected an array of strings, got "x"'],
    [`{"index":{"a":{"products":[1]}}}`, 'index["a"].products[0]: expected a string, got 1'],
    [`{"index":[]}`, "index: expected an object"],
    [`{"products":{}}`, "index: expected an object, got nothing"],
  ])("%s is refused", (text, message) => {
    expect(() => parseIndex(text)).toThrow(message);
  });
});

test("a document of our own reads the same without validation", () => {
  const text = renderProducts(
    parseProducts(`{"products":{"p":{"os":"x","versions":{"v":{"items":{"i":{"size":1}}}}}}}`),
  );
  expect(readOwnProducts(text)).toEqual(parseProducts(text));
});
