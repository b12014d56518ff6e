import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { believe } from "../../../src/intake/sync/belief.ts";
import { isFileItem, type Listing, mapVersions, placesIn } from "../../../src/simplestreams/listing.ts";
import { withoutFiles, withoutImages } from "../../../src/intake/sync/left-out.ts";
import { filesOf, planMirror } from "../../../src/intake/sync/plan.ts";
import { NO_PINS } from "../../../src/retention/pinned.ts";
import { KEEP_ALL } from "../../../src/retention/policy.ts";
import { fingerprintsOf } from "../../../src/simplestreams/fingerprint.ts";
import { readUpstreamProducts } from "../../../src/simplestreams/upstream-documents.ts";
import { PRODUCTS, type TinyVersion, tinyUpstream } from "./tiny-upstream.ts";

const NOW = Date.UTC(2026, 5, 1);
const SEEN = "2026-05-31T00:00:00.000Z";

function listingOf(versions: readonly TinyVersion[]): Listing {
  const text = String(tinyUpstream(versions).get(PRODUCTS));
  return new Map([[PRODUCTS, readUpstreamProducts(text, { name: PRODUCTS }).file]]);
}

function names(listing: Listing): string[] {
  return [
    ...new Set([...placesIn(listing)].map(({ productName, versionName }) => `${productName} ${versionName}`)),
  ].sort();
}

/** Each version with deltas from the one before and the one before that, and one of a virtual machine, as some servers list them. */
function withDeltas(listing: Listing): Listing {
  return mapVersions(listing, (version, { product, versionName }) => {
    const names = [...product.versions.keys()].sort();
    const items = new Map(version.items);
    const delta = (name: string, ftype: string, base: string | undefined): void => {
      const path = `images/${versionName}/${name}.vcdiff`;
      const sha256 = createHash("sha256").update(path).digest("hex");
      items.set(name, { ftype, path, sha256, size: 10, delta_base: base ?? "20251231_0000" });
    };
    for (const back of [1, 2])
      delta(`from-${back}`, "squashfs.vcdiff", names[names.indexOf(versionName) - back]);
    delta("vm", "disk-kvm.img.vcdiff", names[0]);
    return { ...version, items };
  });
}

const someVersions = fc.uniqueArray(
  fc.record({
    product: fc.constantFrom("a", "b", "c"),
    version: fc.integer({ min: 1, max: 28 }).map((day) => `202601${String(day).padStart(2, "0")}_0000`),
  }),
  { selector: ({ product, version }) => `${product} ${version}`, maxLength: 20 },
);
const keepNewest = (versions: number | undefined) => ({
  retention: { ...KEEP_ALL, ...(versions === undefined ? {} : { general: { versions } }) },
});
const somePolicy = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }).map(keepNewest);
const AT_FIRST = { stream: "up", pins: NO_PINS, dates: new Map() };

describe("the plan of a mirror", () => {
  it("carried out, leaves nothing to plan", () => {
    fc.assert(
      fc.property(someVersions, someVersions, somePolicy, (before, after, policy) => {
        const input = { ...AT_FIRST, upstream: listingOf(after), policy, seenAt: SEEN, now: NOW };
        const first = planMirror({ ...input, held: listingOf(before), dropped: [] });
        const second = planMirror({ ...input, held: first.listing, dropped: first.dropped });
        expect(names(second.listing)).toEqual(names(first.listing));
        expect(second.come.files + second.go.files).toBe(0);
        expect(second.dropped).toEqual(first.dropped);
      }),
    );
  });

  it("keeps the newest of each product, of what is listed there and what was here", () => {
    fc.assert(
      fc.property(someVersions, someVersions, fc.integer({ min: 1, max: 4 }), (before, after, keep) => {
        const { listing } = planMirror({
          upstream: listingOf(after),
          held: listingOf(before),
          ...AT_FIRST,
          dropped: [],
          policy: keepNewest(keep),
          seenAt: SEEN,
          now: NOW,
        });
        const all = [...new Set([...before, ...after].map(({ product, version }) => `${product} ${version}`))]
          .sort()
          .reverse();
        const wanted = all.filter(
          (name, at) => all.filter((other, before_) => before_ < at && other[0] === name[0]).length < keep,
        );
        expect(names(listing)).toEqual(wanted.sort());
      }),
    );
  });

  it("copies the deltas of an upstream that is taken whole, and of any other those that clients can use", () => {
    const versions = ["20260101_0000", "20260102_0000", "20260103_0000"].map((version) => ({
      product: "a",
      version,
    }));
    const upstream = withDeltas(listingOf(versions));
    const input = { ...AT_FIRST, upstream, held: new Map(), dropped: [], seenAt: SEEN, now: NOW };
    const deltas = (planned: Listing): string[] =>
      [...placesIn(planned)]
        .filter(({ item }) => item.ftype?.endsWith(".vcdiff"))
        .map(({ versionName, itemName }) => `${versionName} ${itemName}`);
    const all = planMirror({ ...input, policy: {} });
    expect(all.isChanged).toBe(false);
    expect(deltas(all.listing)).toHaveLength(3 * versions.length);
    // The base of the older one is not kept; a virtual machine's is for no client of Headwater.
    expect(deltas(planMirror({ ...input, policy: keepNewest(2) }).listing)).toEqual(["20260103_0000 from-1"]);
    // What cannot be passed on byte by byte is written anew, as Headwater lists things.
    const odd = planMirror({ ...input, policy: {}, isOdd: true });
    expect(odd.isChanged).toBe(true);
    expect(deltas(odd.listing)).toEqual(["20260102_0000 from-1", "20260103_0000 from-1"]);
    expect(filesOf(odd.listing).size).toBe(2 * versions.length + 2);
  });

  it("without files never lists an image that lacks one, nor a version without an image", () => {
    fc.assert(
      fc.property(someVersions, fc.infiniteStream(fc.boolean()), (versions, coins) => {
        const listing = listingOf(versions);
        const missing = new Set([...filesOf(listing).keys()].filter(() => coins.next().value === true));
        const left = withoutFiles(listing, missing);
        for (const { item, version } of placesIn(left)) {
          expect(isFileItem(item) && missing.has(item.sha256)).toBe(false);
          expect(fingerprintsOf(version)).not.toEqual([]);
        }
      }),
    );
  });

  it("without a base, whose files did not come, lists no delta of it", () => {
    const versions = ["20260101_0000", "20260102_0000", "20260103_0000"];
    const upstream = withDeltas(listingOf(versions.map((version) => ({ product: "a", version }))));
    const gone = [...placesIn(upstream)].filter(({ versionName }) => versionName === versions[1]);
    const roots = gone.filter(({ item }) => item.ftype === "squashfs").map(({ item }) => item.sha256 ?? "");
    const fingerprints = gone.flatMap(({ version }) => fingerprintsOf(version).map((one) => one.fingerprint));
    for (const left of [
      withoutFiles(upstream, new Set(roots)),
      withoutImages(upstream, new Set(fingerprints)),
    ]) {
      const deltas = [...placesIn(left)].filter(({ item }) => item.delta_base !== undefined);
      expect(names(left)).toEqual([`a ${versions[0]}`, `a ${versions[2]}`]);
      expect(deltas.map(({ itemName, item }) => [itemName, item.delta_base])).toEqual([
        ["from-2", versions[0]],
      ]);
    }
  });

  it("without an image lists neither its fingerprint nor its root", () => {
    const listing = listingOf([{ version: "20260101_0000" }, { version: "20260102_0000" }]);
    const versions = [...placesIn(listing)].map(({ version }) => version);
    const [fingerprint] = fingerprintsOf(versions[0] ?? { items: new Map() }).map(
      (image) => image.fingerprint,
    );
    const left = withoutImages(listing, new Set([fingerprint ?? ""]));
    expect(names(left)).toEqual(["busy 20260102_0000"]);
  });
});

describe("belief", () => {
  const options = { now: NOW, olderAfterMs: 6 * 3600_000 };

  it("is given to what is newer, and to what says nothing of its age", () => {
    expect(believe(5, { newestMs: 4 }, options)).toEqual({ isBelieved: true, note: { newestMs: 5 } });
    expect(believe(undefined, { newestMs: 4 }, options).isBelieved).toBe(true);
  });

  it("is kept back from what is older, until that has lasted", () => {
    const first = believe(3, { newestMs: 4 }, options);
    expect(first).toEqual({
      isBelieved: false,
      note: { newestMs: 4, olderSince: new Date(NOW).toISOString() },
    });
    expect(believe(3, first.note, { ...options, now: NOW + 5 * 3600_000 }).isBelieved).toBe(false);
    expect(believe(3, first.note, { ...options, now: NOW + 6 * 3600_000 })).toEqual({
      isBelieved: true,
      note: { newestMs: 3 },
    });
  });
});
