import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain } from "../../src/simplestreams/index.ts";
import { fingerprintsOf } from "../../src/simplestreams/fingerprint.ts";
import { readUpstreamProducts } from "../../src/simplestreams/upstream-documents.ts";
import { renderDocuments } from "../../src/views/documents.ts";
import type { ImageStream } from "../../src/views/image-stream.ts";
import { mergedRoot } from "../../src/views/merged-root.ts";

const good = fc.nat(2 ** 20).map((number) => number.toString(16).padStart(64, "0"));
const hash = fc.oneof(
  { weight: 12, arbitrary: good },
  fc.constantFrom("A".repeat(64), "", "12", "g".repeat(64)),
);
const path = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a/meta.tar.xz", "a/root.squashfs", "b", "c/d") },
  fc.constantFrom("a%b", "", "//a//b", "a?b"),
);

function item(ftype: string): fc.Arbitrary<unknown> {
  const combined = ["combined_sha256", "combined_squashfs_sha256", "combined_disk-kvm-img_sha256"];
  return fc.record(
    {
      ftype: fc.constant(ftype),
      path,
      sha256: hash,
      size: fc.nat(1000),
      ...(ftype.endsWith(".tar.xz") ? Object.fromEntries(combined.map((field) => [field, hash])) : {}),
      ...(ftype.endsWith("vcdiff") ? { delta_base: fc.constantFrom("20260101_0000", "20260102") } : {}),
    },
    { requiredKeys: ["ftype"] },
  );
}

const ftypes = [
  "incus.tar.xz",
  "lxd.tar.xz",
  "squashfs",
  "root.tar.xz",
  "disk-kvm.img",
  "incus_combined.tar.gz",
  "lxd_combined.tar.gz",
  "squashfs.vcdiff",
  "root.squashfs",
  "manifest",
];

const product = fc.record({
  arch: fc.constantFrom("amd64", "arm64", "AMD64", "amd64v3"),
  os: fc.constantFrom("Debian", "Alpine"),
  release: fc.constantFrom("1", "2"),
  aliases: fc.constantFrom("a", "a,b", "a, b", ""),
  versions: fc.dictionary(
    fc.constantFrom("20260101_0000", "20260102", "v1", "20260230"),
    fc.record({
      items: fc.record(Object.fromEntries(ftypes.map((ftype) => [ftype, item(ftype)])), { requiredKeys: [] }),
    }),
    { maxKeys: 3 },
  ),
});

const upstream = fc.array(product, { minLength: 1, maxLength: 4 }).map((products) =>
  JSON.stringify({
    datatype: "image-downloads",
    products: Object.fromEntries(products.map((one, at) => [`p${at}`, one])),
  }),
);

function streamOf(name: string, text: string, twins: boolean): ImageStream {
  const record = {
    url: "https://images.example",
    isPublic: true,
    isVerbatim: true,
    aliasPrefix: "",
    twins,
    offline: false,
    fetchedAt: "2026-11-24T00:00:00Z",
  };
  return {
    name,
    origin: "cache",
    products: readUpstreamProducts(text, { name }).file,
    upstream: {
      record,
      state: {},
      documents: new Map(),
      productsPaths: [],
      listing: new Map(),
      holds: new Set(),
    },
  };
}

/** What a client reads at the root, and the errors in it. */
function errorsAtRoot(streams: readonly ImageStream[]): string[] {
  const { documents } = renderDocuments(streams, new Date(0));
  const text = (path: string) => documents.find((one) => one.path === path)?.text;
  const products = text("streams/v1/images.json");
  // Without a product there is no document, and the server answers 503.
  if (products === undefined) return [];
  const tree = {
    index: text("streams/v1/index.json"),
    products: new Map([["streams/v1/images.json", products]]),
  };
  return explain(tree)
    .findings.filter(({ level }) => level === "error")
    .map(({ rule, place, reason }) => `${rule} ${place}: ${reason}`);
}

describe("the merged root", () => {
  it("has nothing that a rule calls an error, whatever upstreams list", () => {
    fc.assert(
      fc.property(upstream, upstream, fc.boolean(), (one, other, twins) => {
        expect(errorsAtRoot([streamOf("one", one, twins), streamOf("other", other, twins)])).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  it("leaves out one image with a wrong combined hash, says so, and keeps the other image of that version", () => {
    const sha = (digit: string) => digit.repeat(64);
    const items = {
      m: {
        ftype: "incus.tar.xz",
        path: "m",
        size: 1,
        sha256: sha("1"),
        combined_squashfs_sha256: sha("A"),
        "combined_disk-kvm-img_sha256": sha("2"),
      },
      s: { ftype: "squashfs", path: "s", size: 1, sha256: sha("3") },
      d: { ftype: "disk-kvm.img", path: "d", size: 1, sha256: sha("4") },
    };
    const one = { arch: "amd64", os: "O", release: "r", versions: { "20260101": { items } } };
    const text = JSON.stringify({ datatype: "image-downloads", products: { p: one } });
    const { products, hidden } = mergedRoot([streamOf("one", text, true)]);
    const left = products.products.get("p")?.versions.get("20260101");
    expect(left === undefined ? [] : fingerprintsOf(left).map(({ fingerprint }) => fingerprint)).toEqual([
      sha("2"),
    ]);
    expect(hidden.get("one")).toEqual([
      {
        fingerprint: sha("A"),
        product: "p",
        reason: expect.stringContaining(
          "fingerprint-form: expected a fingerprint of 64 lower-case hex digits",
        ),
      },
    ]);
  });

  it.each(["O", "another"])(
    "gives what an image stream loses to the next one that has it, under the os %s",
    (os) => {
      const sha = (digit: string) => digit.repeat(64);
      const text = (name: string, root: string) => {
        const items = {
          m: {
            ftype: "incus.tar.xz",
            path: "m",
            size: 1,
            sha256: sha("1"),
            combined_squashfs_sha256: sha("2"),
          },
          s: { ftype: "squashfs", path: "s", size: 1, sha256: root },
        };
        const one = {
          arch: "amd64",
          os: name,
          release: "r",
          aliases: "a",
          versions: { "20260101": { items } },
        };
        return JSON.stringify({ datatype: "image-downloads", products: { p: one } });
      };
      const streams = [streamOf("bad", text("O", "12"), true), streamOf("good", text(os, sha("3")), true)];
      const { products, hidden, hiddenAliases } = mergedRoot(streams);
      const [product] = products.products.values();
      expect(product?.aliases).toBe("a");
      expect(
        [...(product?.versions.get("20260101")?.items.values() ?? [])].map(({ path }) => path),
      ).toContain("good/s");
      expect(hidden.get("good")).toEqual([]);
      expect(hidden.get("bad")).toEqual([
        { fingerprint: sha("2"), product: "p", reason: expect.stringContaining("file-hash: ") },
      ]);
      expect(hiddenAliases).toEqual([]);
    },
  );
});
