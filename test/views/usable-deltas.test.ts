import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClientProfile, clientProfiles } from "../../src/simplestreams/client-profile.ts";
import { imagesOf } from "../../src/simplestreams/images-of.ts";
import type { Item, ProductsFile, Version } from "../../src/simplestreams/products.ts";
import { hazards } from "../../src/simplestreams/rules/check-listing.ts";
import { withUsableDeltas, withUsableDeltasIn } from "../../src/views/usable-deltas.ts";

const hash = (text: string): string => Buffer.from(text.padEnd(32, ".")).toString("hex");

const NAMES = ["20260101_0000", "20260102_0000", "20260103_0000"] as const;
const ROOTS = ["a", "b"] as const;

/** A version whose root is one of a few, or none; with or without metadata; and with some deltas. */
const someVersion = fc.record({
  root: fc.option(fc.constantFrom(...ROOTS), { nil: undefined, freq: 5 }),
  hasMetadata: fc.boolean(),
  isVm: fc.boolean(),
  deltas: fc.array(
    fc.record({
      ftype: fc.constantFrom("squashfs.vcdiff", "disk-kvm.img.vcdiff"),
      base: fc.constantFrom<string | undefined>(...NAMES, "20251231_0000", undefined),
      roots: fc.option(fc.record({ from: fc.constantFrom(...ROOTS), to: fc.constantFrom(...ROOTS) }), {
        nil: undefined,
      }),
    }),
    { maxLength: 3 },
  ),
});

type Some = typeof someVersion extends fc.Arbitrary<infer Value> ? Value : never;

function versionOf(name: string, { root, hasMetadata, isVm, deltas }: Some): Version {
  const file = (ftype: string, content: string): Item => ({
    ftype,
    path: `${name}/${ftype}/${content}`,
    sha256: hash(content),
    size: 100,
  });
  const combined = {
    combined_squashfs_sha256: hash(`${name} squashfs`),
    ...(isVm ? { "combined_disk-kvm-img_sha256": hash(`${name} disk`) } : {}),
  };
  const items: [string, Item][] = [];
  if (hasMetadata) {
    for (const ftype of ["incus.tar.xz", "lxd.tar.xz"])
      items.push([ftype, { ...file(ftype, "metadata"), ...combined }]);
  }
  if (root !== undefined) items.push(["squashfs", file("squashfs", root)]);
  if (isVm) items.push(["disk", file("disk-kvm.img", "disk")]);
  for (const [at, { ftype, base, roots }] of deltas.entries()) {
    const said =
      roots === undefined ? {} : { delta_base_sha256: hash(roots.from), delta_root_sha256: hash(roots.to) };
    items.push([
      `delta-${at}`,
      { ...file(ftype, `delta ${at}`), ...(base === undefined ? {} : { delta_base: base }), ...said },
    ]);
  }
  return { items: new Map(items) };
}

function fileOf(versions: ReadonlyMap<string, Version>): ProductsFile {
  return {
    products: new Map([["p", { arch: "amd64", os: "demo", release: "1", variant: "default", versions }]]),
  };
}

const someVersions = fc
  .record(Object.fromEntries(NAMES.map((name) => [name, someVersion])), { requiredKeys: [] })
  .map(
    (all) =>
      new Map(
        Object.entries(all).flatMap(([name, some]) =>
          some === undefined ? [] : [[name, versionOf(name, some)] as const],
        ),
      ),
  );

/** What a delta that a client takes is applied to, and what it should give, by what the document says. */
function deltasTaken(versions: ReadonlyMap<string, Version>, client: ClientProfile) {
  return imagesOf(fileOf(versions), client).flatMap(({ version, deltas }) =>
    deltas.map(({ item, baseVersion }) => ({
      delta: versions.get(version)?.items.get(item),
      base: versions.get(baseVersion)?.items.get("squashfs")?.sha256,
      root: versions.get(version)?.items.get("squashfs")?.sha256,
    })),
  );
}

describe("usable deltas", () => {
  it("do no client harm: one for each version, of a squashfs, and of the very roots that are listed", () => {
    fc.assert(
      fc.property(someVersions, (versions) => {
        const usable = withUsableDeltas(versions);
        for (const client of clientProfiles) {
          const found = hazards(fileOf(usable), client).map(({ rule }) => rule);
          expect(found.filter((rule) => rule === "several-deltas" || rule === "vm-delta")).toEqual([]);
          for (const { delta, base, root } of deltasTaken(usable, client)) {
            expect(delta?.ftype).toBe("squashfs.vcdiff");
            expect([undefined, base]).toContain(delta?.["delta_base_sha256"]);
            expect([undefined, root]).toContain(delta?.["delta_root_sha256"]);
          }
        }
        for (const { items } of usable.values()) {
          expect(
            [...items.values()].filter(({ ftype }) => ftype?.endsWith(".vcdiff")).length,
          ).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("are left where a client would take one that fits, and nothing else is touched", () => {
    fc.assert(
      fc.property(someVersions, (versions) => {
        const usable = withUsableDeltas(versions);
        expect(withUsableDeltas(usable)).toBe(usable);
        const others = (all: ReadonlyMap<string, Version>) =>
          [...all].map(([name, { items }]) => [
            name,
            [...items].filter(([, { ftype }]) => !ftype?.endsWith(".vcdiff")),
          ]);
        expect(others(usable)).toEqual(others(versions));
        for (const client of clientProfiles) {
          const fits = deltasTaken(versions, client).filter(
            ({ delta, base, root }) =>
              delta?.ftype === "squashfs.vcdiff" &&
              delta.delta_base !== undefined &&
              [undefined, base].includes(delta["delta_base_sha256"] as string | undefined) &&
              [undefined, root].includes(delta["delta_root_sha256"] as string | undefined),
          );
          const versionsThatCould = new Set(fits.map(({ delta }) => delta?.path?.split("/")[0]));
          const versionsThatCan = new Set(
            deltasTaken(usable, client).map(({ delta }) => delta?.path?.split("/")[0]),
          );
          // A delta from a version to itself is of no use to anybody, though a client would take it.
          for (const name of versionsThatCould) {
            const isSelf = fits.every(
              ({ delta }) => delta?.path?.startsWith(`${name}/`) !== true || delta.delta_base === name,
            );
            if (!isSelf) expect(versionsThatCan).toContain(name);
          }
        }
      }),
    );
  });

  it("prefer the newest base", () => {
    const roots = { root: "a", hasMetadata: true, isVm: false } as const;
    const delta = (base: string) => ({ ftype: "squashfs.vcdiff" as const, base, roots: undefined });
    const versions = new Map([
      [NAMES[0], versionOf(NAMES[0], { ...roots, deltas: [] })],
      [NAMES[1], versionOf(NAMES[1], { ...roots, deltas: [] })],
      [NAMES[2], versionOf(NAMES[2], { ...roots, deltas: [delta(NAMES[0]), delta(NAMES[1])] })],
    ]);
    const file = withUsableDeltasIn(fileOf(versions));
    const kept = [...(file.products.get("p")?.versions.get(NAMES[2])?.items.values() ?? [])];
    expect(kept.flatMap(({ delta_base }) => delta_base ?? [])).toEqual([NAMES[1]]);
  });

  it("cost nothing where all are usable: the same file comes back", () => {
    const file = fileOf(
      new Map([[NAMES[0], versionOf(NAMES[0], { root: "a", hasMetadata: true, isVm: false, deltas: [] })]]),
    );
    expect(withUsableDeltasIn(file)).toBe(file);
  });
});
