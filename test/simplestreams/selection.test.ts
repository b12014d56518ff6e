import { describe, expect, it } from "vitest";
import { parseSelection, selectedFields } from "../../src/simplestreams/selection.ts";

const item = { ftype: "squashfs", path: "x" };
const version = { label: "release", items: new Map([["root", item]]) };
const product = { arch: "amd64", release: "noble", versions: new Map([["20260101", version]]) };
const file = { content_id: "ubuntu", products: new Map([["p", product]]) };
const fields = selectedFields({
  file,
  productName: "p",
  product,
  versionName: "20260101",
  version,
  itemName: "root",
  item,
});

describe("a selection", () => {
  it.each([
    ["release=noble,jammy arch=amd64,arm64 ftype=lxd.tar.xz,squashfs", true],
    ["release=jammy", false],
    ["release=noble arch=arm64", false],
    ["release!=jammy,focal", true],
    ["release!=noble", false],
    ["release~^nob", true],
    ["release!~^nob", false],
    ["label=release content_id=ubuntu", true],
    ["product_name=p version_name=20260101 item_name=root", true],
    ["variant=", true],
    ["variant=cloud", false],
    ["versions=x", false],
    ["constructor=", true],
  ])("%s: %s", (text, wanted) => {
    expect(parseSelection(text)(fields)).toBe(wanted);
  });

  it.each(["", "noble", "release", "release~(", `a~${"x".repeat(201)}`])("refuses %j", (text) => {
    expect(() => parseSelection(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});
