import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Build, fingerprintsOfBuild } from "../../src/intake/build.ts";
import { type ListedBuild, listBuild, type ListOptions } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { duplicateFingerprints, fingerprintsOf } from "../../src/simplestreams/fingerprint.ts";
import type { ProductsFile } from "../../src/simplestreams/products.ts";
import { isVisibleVersion } from "../../src/simplestreams/version-name.ts";
import { emptyOwnStream } from "../../src/views/image-stream.ts";
import { someBuild } from "./some-build.ts";

/** Few of everything, so that bytes, minutes, products and versions meet each other often. */
const step = fc.record({
  seed: fc.constantFrom("a", "b", "c", "d", "e"),
  minute: fc.integer({ min: 0, max: 3 }),
  variant: fc.constantFrom("default", "cloud"),
  roots: fc.constantFrom("container", "disk", "both", "unified"),
  version: fc.constantFrom(undefined, undefined, undefined, "20260101_0001", "20270101_0000"),
  label: fc.constantFrom(undefined, "testing"),
  from: fc.constantFrom<ListOptions["from"]>("person", "tree"),
});

function buildOf({
  seed,
  minute,
  variant,
  roots,
  version,
  label,
}: typeof step extends fc.Arbitrary<infer T> ? T : never): Build {
  const build = someBuild(seed, {
    names: { os: "debian", release: "12", variant, arch: "amd64" },
    builtAt: new Date(Date.UTC(2026, 0, 1, 0, minute)),
    version,
    label,
  });
  if (build.files.kind === "unified") throw new TypeError("a split build is needed");
  const { metadata, roots: containers } = build.files;
  const disk = containers.map(
    (root) =>
      ({
        ...root,
        ftype: "disk-kvm.img",
        extension: "qcow2",
        sha256: root.sha256.replace(/^./, "x"),
        fingerprint: root.fingerprint.replace(/^./, "x"),
      }) as const,
  );
  if (roots === "unified") {
    const image = { ...metadata, sha256: metadata.sha256.replace(/^./, "y") };
    return { ...build, files: { kind: "unified", image } };
  }
  const chosen = roots === "container" ? containers : roots === "disk" ? disk : [...containers, ...disk];
  return { ...build, files: { kind: "split", metadata, roots: chosen } };
}

function attempt(listing: Listing, build: Build, from: ListOptions["from"]): ListedBuild | string {
  try {
    return listBuild(listing, build, { now: new Date("2026-06-07T08:09:10Z"), from });
  } catch (error) {
    return String(error);
  }
}

function listedIn(file: ProductsFile): Set<string> {
  const versions = [...file.products.values()].flatMap((product) => Array.from(product.versions.values()));
  return new Set(versions.flatMap((version) => fingerprintsOf(version).map((image) => image.fingerprint)));
}

describe("any number of builds, in any order", () => {
  it("leaves every image listed exactly once, where it was said to be, under a name that clients list", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const going = new Listing(emptyOwnStream().products);
        const added = new Set<string>();
        for (const one of steps) {
          const build = buildOf(one);
          const before = going.file;
          const listed = attempt(going, build, one.from);
          // What a listing remembers from build to build is what a fresh look at the file finds.
          expect(attempt(new Listing(before), build, one.from)).toEqual(listed);
          if (typeof listed === "string") {
            expect(going.file).toEqual(before);
            continue;
          }
          const version = going.file.products.get(listed.product)?.versions.get(listed.version);
          const there = fingerprintsOf(version ?? { items: new Map() }).map((image) => image.fingerprint);
          for (const fingerprint of fingerprintsOfBuild(build)) {
            added.add(fingerprint);
            expect(there).toContain(fingerprint);
          }
          if (listed.status === "unchanged") expect(going.file).toEqual(before);
          expect(isVisibleVersion(listed.version)).toBe(true);
          expect(duplicateFingerprints(going.file).size).toBe(0);
          expect(listedIn(going.file)).toEqual(added);
        }
      }),
      { numRuns: 300 },
    );
  });
});
