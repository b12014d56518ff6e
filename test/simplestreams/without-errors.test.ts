import { describe, expect, test } from "vitest";
import { parseProducts, type Json } from "../../src/simplestreams/index.ts";
import { withoutErrors } from "../../src/simplestreams/rules/without-errors.ts";
import { documentsOf, set, version } from "../corpus/deviation.ts";
import { PRODUCT, PRODUCTS_PATH, VERSION } from "../../src/simplestreams/rules/smallest-tree.ts";
import type { Edit } from "../../src/simplestreams/rules/rule.ts";

describe("what has no errors left", () => {
  test("keeps an image whose metadata is listed twice for one client", () => {
    const { items, rules } = left([set.item("again", metadata())]);
    expect(rules).toContain("duplicate-fingerprint");
    expect(items).toEqual(["incus.tar.xz", "lxd.tar.xz", "squashfs"]);
  });

  test("has no delta that leads out of the server", () => {
    const delta: Json = {
      ftype: "squashfs.vcdiff",
      path: "../delta?1",
      size: 10,
      sha256: "d".repeat(64),
      delta_base: "20251201_0000",
    };
    const { items, rules } = left([
      set.otherVersion("20251201_0000", version("8")),
      set.item("delta", delta),
    ]);
    expect(rules).toEqual(["file-path"]);
    expect(items).toEqual(["incus.tar.xz", "lxd.tar.xz", "squashfs"]);
  });
});

function metadata(): Json {
  const combined = { combined_squashfs_sha256: "3".repeat(64) };
  return {
    ftype: "incus.tar.xz",
    path: "images/demo/again.tar.xz",
    size: 600,
    sha256: "1".repeat(64),
    ...combined,
  };
}

/** The items of the smallest tree's version after these edits, without errors. */
function left(edits: readonly Edit[]): { readonly items: string[]; readonly rules: string[] } {
  const text = documentsOf({ edits }).get(PRODUCTS_PATH) ?? new Uint8Array();
  const { file, leftOut } = withoutErrors(parseProducts(text));
  const items = file.products.get(PRODUCT)?.versions.get(VERSION)?.items.keys() ?? [];
  return { items: [...items].toSorted(), rules: leftOut.map(({ rule }) => rule) };
}
