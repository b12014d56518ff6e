import { describe, expect, test } from "vitest";
import {
  clientProfile,
  clientProfiles,
  type ClientProfile,
  type Finding,
  hazards,
  imagesOf,
  invisible,
  type Item,
  type Product,
  rules,
} from "../../src/simplestreams/index.ts";
import { fileOf, productOf, sha, splitItems, versionOf } from "./sample-products.ts";

const incus = clientProfile("incus 7");
const lxd = clientProfile("lxd 6");

/** `rule at product/version/item` for each finding, and the sources checked on the way. */
function places(findings: readonly Finding[]): string[] {
  return findings.map((found) => {
    expect(found).toMatchObject({ source: rules[found.rule].source, level: rules[found.rule].level });
    const place = [found.product, found.version, found.item].filter((part) => part !== undefined);
    return `${found.rule} at ${place.join("/")}`;
  });
}

function hidden(product: Product, client: ClientProfile): string[] {
  return places(invisible(fileOf({ p: product }), client));
}

/** Items of one build, with some replaced or, as undefined, left out. */
function items(change: Readonly<Record<string, Item | undefined>>): Map<string, Item> {
  const all = new Map(splitItems(1));
  for (const [key, item] of Object.entries(change)) {
    if (item === undefined) all.delete(key);
    else all.set(key, item);
  }
  return all;
}

describe("what a client does not list is said, with rule, place and source", () => {
  test("nothing, for a product that is fine", () => {
    const product = productOf({ "20260101_0742": splitItems(1) });
    for (const client of clientProfiles) {
      expect(hidden(product, client)).toEqual([]);
      expect(hazards(fileOf({ p: product }), client)).toEqual([]);
    }
  });

  test.each([
    [
      "an architecture nobody knows",
      productOf({ "20260101_0742": splitItems(1) }, { arch: "all" }),
      "unknown-architecture at p",
    ],
    ["no architecture and no image", { versions: new Map() }, "not-for-clients at p"],
    ["no versions", productOf({}), "no-versions at p"],
    ["a version name that is too short", productOf({ "2026": splitItems(1) }), "version-name at p/2026"],
    [
      "a version name that is no date",
      productOf({ "20260230_0101": splitItems(1) }),
      "version-name at p/20260230_0101",
    ],
    [
      "only roots of unknown ftypes",
      productOf({ "20260101_0742": items({ squashfs: { ftype: "root.tar.gz" } }) }),
      "no-root at p/20260101_0742/incus.tar.xz",
    ],
    [
      "metadata without a path",
      productOf({ "20260101_0742": splitItems(1, { path: "" }) }),
      "metadata-path at p/20260101_0742/incus.tar.xz",
    ],
    [
      "metadata without the combined hash",
      productOf({ "20260101_0742": splitItems(1, { combined_squashfs_sha256: "" }) }),
      "no-fingerprint at p/20260101_0742/incus.tar.xz",
    ],
    [
      "no items",
      productOf({ "20260101_0742": new Map<string, Item>() }),
      "not-for-clients at p/20260101_0742",
    ],
    [
      "an image under a name that is no date, and nothing of it for anybody",
      productOf({ v1: new Map<string, Item>() }),
      "not-for-clients at p/v1",
    ],
  ])("%s", (_what, product, expected) => {
    expect(imagesOf(fileOf({ p: product }), incus)).toEqual([]);
    expect(hidden(product, incus)).toEqual([expected]);
    expect(hidden(product, lxd)).toEqual([expected.replace("incus.tar.xz", "lxd.tar.xz")]);
  });

  test("the other family's metadata alone", () => {
    const product = productOf({ "20260101_0742": items({ "lxd.tar.xz": undefined }) });
    expect(hidden(product, incus)).toEqual([]);
    expect(invisible(fileOf({ p: product }), lxd)).toEqual([
      {
        rule: "other-dialect",
        level: "note",
        product: "p",
        version: "20260101_0742",
        reason: "there is incus.tar.xz and no lxd.tar.xz",
        source: rules["other-dialect"].source,
      },
    ]);
  });

  test("an architecture that only one family, or only newer versions, know", () => {
    const product = productOf({ "20260101_0742": splitItems(1) }, { arch: "amd64v3" });
    expect(hidden(product, incus)).toEqual(["architecture-of-some at p"]);
    expect(hidden(product, lxd)).toEqual([]);
    expect(hidden(product, clientProfile("lxd 5.21.4"))).toEqual(["architecture-of-some at p"]);
  });

  test("one odd product hides only itself", () => {
    const file = fileOf({
      odd: productOf({ v1: splitItems(2) }),
      fine: productOf({ "20260101_0742": splitItems(1) }),
    });
    expect(imagesOf(file, incus).map(({ product }) => product)).toEqual(["fine"]);
    expect(places(invisible(file, incus))).toEqual(["version-name at odd/v1"]);
  });

  test("a delta without its base, and one that old clients do not read", () => {
    const delta = (ftype: string): Item => ({
      ftype,
      path: "d",
      size: 1,
      sha256: sha("d"),
      delta_base: "20250101",
    });
    const product = productOf({
      "20260101_0742": items({
        delta: delta("squashfs.vcdiff"),
        disk: { ftype: "disk-kvm.img", path: "k", size: 1, sha256: sha("e") },
        "disk-delta": delta("disk-kvm.img.vcdiff"),
        "incus.tar.xz": splitItems(1, { "combined_disk-kvm-img_sha256": sha("f") }).get("incus.tar.xz"),
        "lxd.tar.xz": splitItems(1, { "combined_disk-kvm-img_sha256": sha("f") }).get("lxd.tar.xz"),
      }),
    });
    expect(hidden(product, incus)).toEqual([
      "delta-base at p/20260101_0742/delta",
      "delta-base at p/20260101_0742/disk-delta",
    ]);
    expect(hidden(product, clientProfile("lxd 5.0"))).toEqual([
      "delta-base at p/20260101_0742/delta",
      "delta-unread at p/20260101_0742/disk-delta",
    ]);
  });

  test("names from outside cannot write to a terminal", () => {
    const bad = "\u001b]0;title\u0007";
    const product = productOf(
      { [bad]: splitItems(1), "20260101": new Map<string, Item>([[bad, { ftype: bad }]]) },
      {},
    );
    const findings = [
      ...invisible(fileOf({ p: product }), incus),
      ...invisible(fileOf({ p: { ...product, arch: bad } }), incus),
    ];
    expect(findings).toHaveLength(3);
    for (const { reason } of findings) expect(reason).not.toMatch(/\p{Cc}/u);
  });

  test("every product that is not listed has a finding", () => {
    const variants: Product[] = [];
    for (const arch of ["amd64", "nope"]) {
      for (const name of ["20260101", "x"]) {
        for (const drop of ["", "incus.tar.xz", "squashfs"]) {
          variants.push(productOf({ [name]: items(drop === "" ? {} : { [drop]: undefined }) }, { arch }));
        }
      }
    }
    for (const product of variants) {
      const listed = imagesOf(fileOf({ p: product }), incus).length;
      expect(hidden(product, incus)).toHaveLength(1 - listed);
    }
  });
});

describe("what a client lists and cannot use is said as well", () => {
  function trouble(products: Readonly<Record<string, Product>>, client: ClientProfile): string[] {
    return places(hazards(fileOf(products), client).filter(({ level }) => level !== "note"));
  }

  test("a fingerprint listed twice", () => {
    const products = {
      a: productOf({ "20260101_0742": splitItems(1) }),
      b: productOf({ "20260102_0742": splitItems(1) }, { aliases: "b" }),
    };
    expect(trouble(products, incus)).toEqual(["duplicate-fingerprint at a/20260101_0742"]);
  });

  test("hashes in capitals, none at all, and a root without a path", () => {
    const product = productOf({
      "20260101_0742": items({
        "incus.tar.xz": { ...splitItems(1, { combined_squashfs_sha256: sha("A") }).get("incus.tar.xz") },
        squashfs: { ftype: "squashfs", size: 1 },
      }),
    });
    expect(trouble({ p: product }, incus)).toEqual([
      "fingerprint-form at p/20260101_0742/incus.tar.xz",
      "file-hash at p/20260101_0742/squashfs",
      "file-path at p/20260101_0742/squashfs",
    ]);
  });

  test("a missing size, at which newer LXD stops", () => {
    const product = productOf({ "20260101_0742": splitItems(1, { size: 0 }) });
    expect(trouble({ p: product }, lxd)).toEqual(["file-size at p/20260101_0742/lxd.tar.xz"]);
  });

  test("a variant that only some products of a release have", () => {
    const { variant: _, ...plain } = productOf({ "20260101_0742": splitItems(1) });
    const products = {
      plain,
      cloud: productOf({ "20260101_0742": splitItems(2) }, { variant: "cloud", aliases: "c" }),
    };
    expect(trouble(products, incus)).toEqual(["undefined-order at plain"]);
    expect(trouble({ plain }, incus)).toEqual([]);
    expect(trouble({ ...products, cloud: { ...products.cloud, release: "other" } }, incus)).toEqual([]);
  });

  test("an alias that another product of the same type and architecture has", () => {
    const products = {
      zebra: productOf({ "20260102_0742": splitItems(1), "20260101_0742": splitItems(2) }, { os: "Zebra" }),
      ant: productOf({ "20260101_0742": splitItems(3) }, { os: "Ant" }),
      arm: productOf({ "20260101_0742": splitItems(4) }, { os: "Bee", arch: "arm64" }),
    };
    expect(trouble(products, incus)).toEqual(["alias-taken at zebra"]);
  });

  test("an alias with a blank", () => {
    const product = productOf({ "20260101_0742": splitItems(1) }, { aliases: "a, b" });
    expect(trouble({ p: product }, incus)).toEqual(["alias-form at p"]);
  });

  test("a unified virtual machine, where it is taken for a container", () => {
    const unified: Item = {
      ftype: "lxd_combined.tar.gz",
      path: "u",
      size: 1,
      sha256: sha("a"),
      combined_type: "virtual-machine",
    };
    const product = productOf({
      "20260101_0742": new Map([
        ["l", unified],
        ["i", { ...unified, ftype: "incus_combined.tar.gz" }],
      ]),
    });
    expect(trouble({ p: product }, lxd)).toEqual(["unified-vm at p/20260101_0742/l"]);
    expect(trouble({ p: product }, clientProfile("incus 6.0"))).toEqual(["unified-vm at p/20260101_0742/i"]);
    expect(trouble({ p: product }, incus)).toEqual([]);
  });

  test("VM deltas and several deltas of one image, for Incus", () => {
    const delta = (ftype: string, delta_base: string): Item => ({
      ftype,
      path: "d",
      size: 1,
      sha256: sha("d"),
      delta_base,
    });
    const vm = (number: number) =>
      splitItems(number, { "combined_disk-kvm-img_sha256": sha(number * 10 + 5) }).set("disk", {
        ftype: "disk-kvm.img",
        path: "k",
        size: 1,
        sha256: sha("e"),
      });
    const product = productOf({
      "20260101_0742": vm(1),
      "20260102_0742": vm(2),
      "20260103_0742": versionOf(
        vm(3)
          .set("d1", delta("squashfs.vcdiff", "20260101_0742"))
          .set("d2", delta("squashfs.vcdiff", "20260102_0742"))
          .set("d3", delta("disk-kvm.img.vcdiff", "20260102_0742")),
      ),
    });
    expect(trouble({ p: product }, incus)).toEqual([
      "several-deltas at p/20260103_0742/d2",
      "vm-delta at p/20260103_0742/d3",
    ]);
    expect(trouble({ p: product }, lxd)).toEqual([]);
  });
});
