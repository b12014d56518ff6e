import { describe, expect, it } from "vitest";
import type { Build } from "../../src/intake/build.ts";
import { type ListedBuild, listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { parseAliases } from "../../src/simplestreams/aliases.ts";
import type { ProductsFile } from "../../src/simplestreams/products.ts";
import { emptyOwnStream } from "../../src/views/image-stream.ts";
import { someBuild } from "./some-build.ts";

const NOW = new Date("2026-06-07T08:09:10Z");

type Listed = ListedBuild & { readonly products: ProductsFile };

function add(file: ProductsFile, build: Build, from: "person" | "tree" = "person"): Listed {
  const listing = new Listing(file);
  const listed = listBuild(listing, build, { now: NOW, from });
  return { ...listed, products: listing.file };
}

function addAll(...builds: Build[]): Listed {
  let file = emptyOwnStream().products;
  let last: Listed | undefined;
  for (const build of builds) {
    last = add(file, build);
    file = last.products;
  }
  if (last === undefined) throw new TypeError("no build given");
  return last;
}

function versionsOf(listed: Listed): string[] {
  return [...(listed.products.products.get(listed.product)?.versions.keys() ?? [])].sort();
}

/** The same build with a disk beside its root. */
function withDisk(build: Build): Build {
  if (build.files.kind === "unified") throw new TypeError("a split build is needed");
  const disk = {
    ftype: "disk-kvm.img",
    extension: "qcow2",
    size: 1000,
    sha256: "d".repeat(64),
    fingerprint: "e".repeat(64),
  } as const;
  return { ...build, files: { ...build.files, roots: [...build.files.roots, disk] } };
}

const empty = emptyOwnStream().products;

describe("listBuild", () => {
  it("names the version after the minute of the build, in UTC", () => {
    expect(add(empty, someBuild("a"))).toMatchObject({
      status: "added",
      product: "debian:12:default:amd64",
      version: "20260102_0304",
    });
  });

  it("lists one metadata file for both dialects, with the same path and hashes", () => {
    const listed = add(empty, someBuild("a"));
    const items = listed.products.products.get(listed.product)?.versions.get(listed.version)?.items;
    const { ftype: incus, ...forIncus } = items?.get("incus.tar.xz") ?? {};
    const { ftype: lxd, ...forLxd } = items?.get("lxd.tar.xz") ?? {};
    expect([incus, lxd]).toEqual(["incus.tar.xz", "lxd.tar.xz"]);
    expect(forIncus).toEqual(forLxd);
    expect(forIncus.combined_squashfs_sha256).toBe(listed.fingerprints[0]);
  });

  it("offers the aliases that upstream offers, by number and by code name", () => {
    expect(add(empty, someBuild("a")).aliases).toEqual(
      expect.arrayContaining([
        "debian/12",
        "debian/12/default",
        "debian/bookworm",
        "debian/bookworm/default",
      ]),
    );
  });

  it("writes requirements as strings under both keys", () => {
    const listed = add(empty, someBuild("a", { requirements: { secureboot: "false" } }));
    expect(listed.products.products.get(listed.product)).toMatchObject({
      requirements: { secureboot: "false" },
      lxd_requirements: { secureboot: "false" },
    });
  });

  it("does nothing for bytes that the newest version has, and says so", () => {
    const again = addAll(someBuild("a"), someBuild("a"));
    expect(again.status).toBe("unchanged");
    expect(again.notes).toEqual(["Version 20260102_0304 has exactly these bytes."]);
    expect(versionsOf(again)).toEqual(["20260102_0304"]);
  });

  it("gives the newest version a further alias although its bytes are there already", () => {
    const again = addAll(someBuild("a"), someBuild("a", { aliases: ["web"] }));
    expect(again.status).toBe("updated");
    expect(again.aliases).toContain("web");
  });

  it("takes the next free minute for a second build in one minute, and says so", () => {
    const second = addAll(someBuild("a"), someBuild("b"));
    expect(second.version).toBe("20260102_0305");
    expect(second.notes[0]).toContain("20260102_0305");
    expect(versionsOf(second)).toEqual(["20260102_0304", "20260102_0305"]);
  });

  it("moves an image whose bytes an older version holds, so that no fingerprint is listed twice", () => {
    const later = { builtAt: new Date("2026-02-02T00:00:00Z") };
    const back = addAll(someBuild("a"), someBuild("b", later), someBuild("a"));
    expect(back.status).toBe("moved");
    expect(back.version).toBe("20260607_0809");
    expect(versionsOf(back)).toEqual(["20260202_0000", "20260607_0809"]);
    expect(back.notes.join(" ")).toContain("20260102_0304");
  });

  it("leaves an older version where it is when a tree is taken over again", () => {
    const later = { builtAt: new Date("2026-02-02T00:00:00Z") };
    const both = addAll(someBuild("a"), someBuild("b", later));
    expect(add(both.products, someBuild("a"), "tree").status).toBe("unchanged");
  });

  it("says when a newer version keeps the aliases", () => {
    const older = addAll(someBuild("b", { builtAt: new Date("2026-02-02T00:00:00Z") }), someBuild("a"));
    expect(older.notes.join(" ")).toContain("20260202_0000 is newer");
  });

  it("adds a disk to the version that has the very same metadata", () => {
    const container = someBuild("a");
    if (container.files.kind === "unified") throw new TypeError("a split build is needed");
    const root = container.files.roots[0];
    if (root === undefined) throw new TypeError("a root is needed");
    const disk = {
      ...root,
      ftype: "disk-kvm.img",
      extension: "qcow2",
      sha256: "d".repeat(64),
      fingerprint: "e".repeat(64),
    } as const;
    const vm: Build = { ...container, files: { ...container.files, roots: [disk] } };
    const both = addAll(container, vm);
    expect(versionsOf(both)).toEqual(["20260102_0304"]);
    const items = both.products.products.get(both.product)?.versions.get("20260102_0304")?.items;
    expect([...(items?.keys() ?? [])].sort()).toEqual([
      "disk-kvm.img",
      "incus.tar.xz",
      "lxd.tar.xz",
      "squashfs",
    ]);
    expect(items?.get("incus.tar.xz")).toEqual(
      expect.objectContaining({
        combined_squashfs_sha256: root.fingerprint,
        "combined_disk-kvm-img_sha256": disk.fingerprint,
      }),
    );
    expect(items?.get("lxd.tar.xz")).toMatchObject({ "combined_disk-kvm-img_sha256": disk.fingerprint });
  });

  it("takes a container again together with its new disk into the same version, as one that was added", () => {
    const disk = withDisk(someBuild("a"));
    const both = addAll(someBuild("a", { versionFields: { pubname: "kept" } }), disk);
    expect(both).toMatchObject({ status: "added", version: "20260102_0304" });
    expect(both.notes).toEqual([]);
    const version = both.products.products.get(both.product)?.versions.get(both.version);
    expect(version?.pubname).toBe("kept");
    expect([...(version?.items.keys() ?? [])]).toContain("disk-kvm.img");
  });

  it("moves an older version's container to the newest version when it comes again with a disk", () => {
    const later = { builtAt: new Date("2026-02-02T00:00:00Z") };
    const back = addAll(someBuild("a"), someBuild("b", later), withDisk(someBuild("a")));
    expect(back).toMatchObject({ status: "moved", version: "20260607_0809" });
    expect(versionsOf(back)).toEqual(["20260202_0000", "20260607_0809"]);
  });

  it("gives bytes that come back a name newer than one in the future", () => {
    const future = { builtAt: new Date("2031-01-01T00:00:00Z") };
    const back = addAll(someBuild("a"), someBuild("b", future), someBuild("a"));
    expect(back.version).toBe("20310101_0001");
  });

  it("changes the label of a version whose bytes come again with another one", () => {
    const again = addAll(someBuild("a", { label: "testing" }), someBuild("a", { label: "release" }));
    expect(again.status).toBe("updated");
    const version = again.products.products.get(again.product)?.versions.get(again.version);
    expect(version?.label).toBe("release");
  });

  it("does not bring back a standard alias that was taken away", () => {
    const first = add(empty, someBuild("a"));
    const products = new Map(first.products.products);
    const product = products.get(first.product);
    if (product === undefined) throw new TypeError("a product is needed");
    products.set(first.product, { ...product, aliases: "debian/12/default" });
    const file = { ...first.products, products };
    expect(add(file, someBuild("a")).status).toBe("unchanged");
    expect(add(file, someBuild("b")).aliases).toEqual(["debian/12/default"]);
  });

  it("leaves an alias to the product that has it when the build comes out of a tree", () => {
    const first = add(empty, someBuild("a", { aliases: ["web"] }));
    const names = { os: "debian", release: "12", variant: "cloud", arch: "amd64" };
    const second = add(first.products, someBuild("b", { names, aliases: ["web", "cloud"] }), "tree");
    expect(second.aliases).toEqual(expect.arrayContaining(["cloud"]));
    expect(second.aliases).not.toContain("web");
    expect(second.notes.join(" ")).toContain(first.product);
  });

  it("says when a product gets a container and shares an alias with another that has one", () => {
    const disk = withDisk(someBuild("vm"));
    if (disk.files.kind === "unified") throw new TypeError("a split build is needed");
    const names = { os: "lab", release: "1", variant: "default", arch: "amd64" };
    const vm = { ...disk, names, files: { ...disk.files, roots: disk.files.roots.slice(1) } };
    const both = add(add(empty, vm).products, someBuild("a", { aliases: ["web"] }));
    const products = new Map(both.products.products);
    products.set("lab:1:default:amd64", {
      ...products.get("lab:1:default:amd64"),
      aliases: "web",
      versions: new Map(),
    });
    const file = { ...both.products, products };
    const next = add(file, { ...someBuild("c", { names }) });
    expect(next.notes.join(" ")).toMatch(/"web" also names debian:12:default:amd64.*container/);
    expect(add(file, vm).notes).toEqual([]);
  });

  it("refuses bytes that another product lists", () => {
    const first = add(empty, someBuild("a"));
    const names = { os: "debian", release: "13", variant: "default", arch: "amd64" };
    expect(() => add(first.products, someBuild("a", { names }))).toThrowError(
      expect.objectContaining({ code: "FINGERPRINT_TAKEN" }),
    );
  });

  it("refuses two names with one slug", () => {
    const first = add(empty, someBuild("a"));
    const names = { os: "Debian", release: "12", variant: "default", arch: "amd64" };
    expect(() => add(first.products, someBuild("b", { names }))).toThrowError(
      expect.objectContaining({ code: "NAME_TAKEN" }),
    );
  });

  it("refuses a version name that every client ignores", () => {
    expect(() => add(empty, someBuild("a", { version: "v1" }))).toThrowError(
      expect.objectContaining({ code: "NAME_INVALID" }),
    );
  });

  it("refuses other bytes under a version that was published", () => {
    const first = add(empty, someBuild("a", { version: "20260101_0000" }));
    expect(() => add(first.products, someBuild("b", { version: "20260101_0000" }))).toThrowError(
      expect.objectContaining({ code: "NAME_TAKEN" }),
    );
  });

  it("refuses an alias that names another product, and lets another architecture share it", () => {
    const first = add(empty, someBuild("a", { aliases: ["web"] }));
    const cloud = { os: "debian", release: "12", variant: "cloud", arch: "amd64" };
    expect(() => add(first.products, someBuild("b", { names: cloud, aliases: ["web"] }))).toThrowError(
      expect.objectContaining({ code: "NAME_TAKEN" }),
    );
    const arm = { ...cloud, variant: "default", arch: "arm64" };
    expect(add(first.products, someBuild("b", { names: arm, aliases: ["web"] })).aliases).toContain("web");
  });

  it("keeps a product called __proto__ a product", () => {
    const names = { os: "__proto__", release: "constructor", variant: "default", arch: "amd64" };
    const listed = add(empty, someBuild("a", { names }));
    expect(versionsOf(listed)).toHaveLength(1);
    expect(parseAliases(listed.products.products.get(listed.product)?.aliases)).not.toHaveLength(0);
  });
});
