import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  parseIndex,
  parseProducts,
  readOwnIndex,
  readOwnProducts,
  renderIndex,
  renderProducts,
} from "../../src/simplestreams/index.ts";

const name = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("__proto__", "constructor", "toString", "20260101_0000", "20260101", "10", "2", ""),
);
/** Keys that no definition knows. `JSON.parse` cannot make -0, so it is no JSON value here. */
const others = fc
  .dictionary(
    name,
    fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  )
  .map((found) => Object.entries(found).filter(([key]) => !known.has(key)));
const known = new Set([
  ..."content_id datatype format license updated products aliases arch os release release_codename".split(
    " ",
  ),
  ..."release_title requirements lxd_requirements supported support_eol variant version versions label".split(
    " ",
  ),
  ..."pubname items ftype path size sha256 md5 combined_type delta_base index".split(" "),
]);

/** Keys in one order, own keys such as `__proto__` and `constructor` among them, which matchers trip over. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${entries.toSorted().join(",")}}`;
}

function objectOf(...entries: readonly (readonly [string, unknown])[]): unknown {
  return Object.fromEntries(entries);
}

const item = fc
  .tuple(others, fc.constantFrom("squashfs", "x"), fc.nat())
  .map(([more, ftype, size]) => objectOf(...more, ["ftype", ftype], ["size", size]));
const container = (member: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(name, member), { maxLength: 4 }).map((entries) => Object.fromEntries(entries) as unknown);
const version = fc
  .tuple(others, container(item))
  .map(([more, items]) => objectOf(["items", items], ...more, ["label", "l"]));
const product = fc
  .tuple(others, container(version), fc.dictionary(name, fc.string()))
  .map(([more, versions, requirements]) =>
    objectOf(...more, ["versions", versions], ["os", "Debian"], ["requirements", requirements]),
  );
const productsFile = fc
  .tuple(others, container(product))
  .map(([more, products]) => objectOf(...more, ["products", products], ["format", "products:1.0"]));

test("reading and rendering a products file keeps every key and every value", () => {
  fc.assert(
    fc.property(productsFile, (document) => {
      const text = JSON.stringify(document);
      const rendered = renderProducts(parseProducts(text));
      expect(canonical(JSON.parse(rendered))).toBe(canonical(JSON.parse(text)));
      expect(renderProducts(readOwnProducts(rendered))).toBe(rendered);
    }),
  );
});

test("reading and rendering an index keeps every key and every value", () => {
  const entry = fc
    .tuple(others, fc.array(fc.string()))
    .map(([more, products]) => objectOf(...more, ["products", products], ["path", "p"]));
  const index = fc
    .tuple(others, container(entry))
    .map(([more, entries]) => objectOf(...more, ["index", entries], ["format", "index:1.0"]));
  fc.assert(
    fc.property(index, (document) => {
      const text = JSON.stringify(document);
      const rendered = renderIndex(parseIndex(text));
      expect(canonical(JSON.parse(rendered))).toBe(canonical(JSON.parse(text)));
      expect(renderIndex(readOwnIndex(rendered))).toBe(rendered);
    }),
  );
});

test("known keys come first, in one order, whatever order they came in", () => {
  const one = parseProducts(`{"products":{"p":{"versions":{},"zzz":1,"os":"o","arch":"a"}},"format":"f"}`);
  const other = parseProducts(`{"format":"f","products":{"p":{"arch":"a","os":"o","zzz":1}}}`);
  expect(renderProducts(one)).toBe(
    `{"format":"f","products":{"p":{"arch":"a","os":"o","versions":{},"zzz":1}}}\n`,
  );
  expect(renderProducts(other)).toBe(renderProducts(one));
});

test("items are written in that order too, whether they came in it or not", () => {
  const item = (text: string) =>
    renderProducts(parseProducts(`{"products":{"p":{"versions":{"v":{"items":{"i":${text}}}}}}}`));
  const ordered = item(`{"ftype":"f","path":"p","size":1,"zzz":1,"aaa":2}`);
  expect(ordered).toContain(`{"ftype":"f","path":"p","size":1,"zzz":1,"aaa":2}`);
  expect(item(`{"zzz":1,"size":1,"path":"p","aaa":2,"ftype":"f"}`)).toBe(ordered);
});

test("the order of a Map is the order in the text, also for names that look like numbers", () => {
  const versions = new Map([
    ["20260102", { items: new Map() }],
    ["20260101", { items: new Map() }],
  ]);
  const text = renderProducts({ products: new Map([["p", { versions }]]) });
  expect(text.indexOf("20260102")).toBeLessThan(text.indexOf("20260101"));
});
