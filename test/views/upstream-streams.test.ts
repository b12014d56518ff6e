import { describe, expect, it } from "vitest";
import { clientProfile } from "../../src/simplestreams/client-profile.ts";
import { imagesOf } from "../../src/simplestreams/images-of.ts";
import { readUpstreamProducts } from "../../src/simplestreams/upstream-documents.ts";
import type { StreamState, UpstreamRecord } from "../../src/store/generation.ts";
import { imageRows } from "../../src/views/image-rows.ts";
import type { ImageStream } from "../../src/views/image-stream.ts";
import { mergedRoot } from "../../src/views/merged-root.ts";

const hash = (digit: string): string => digit.repeat(64);

/** An official Ubuntu product, all fields: metadata for LXD only, no variant, much that is not for Incus or LXD. */
function ubuntu(aliases = "24.04,n,noble,default,lts,ubuntu"): object {
  const base = "server/releases/noble/release-20261120";
  const file = (ftype: string, digit: string, size = 100) => ({
    ftype,
    md5: digit.repeat(32),
    path: `${base}/ubuntu-24.04.${ftype}`,
    sha256: hash(digit),
    size,
  });
  return {
    content_id: "com.ubuntu.cloud:released:download",
    datatype: "image-downloads",
    format: "products:1.0",
    products: {
      "com.ubuntu.cloud:server:24.04:amd64": {
        aliases,
        arch: "amd64",
        os: "ubuntu",
        release: "noble",
        release_codename: "Noble Numbat",
        release_title: "24.04 LTS",
        support_eol: "2029-05-31",
        supported: true,
        version: "24.04",
        versions: {
          "20261120": {
            label: "release",
            pubname: "ubuntu-noble-24.04-amd64-server-20261120",
            items: {
              "lxd.tar.xz": {
                ...file("lxd.tar.xz", "1"),
                combined_squashfs_sha256: hash("a"),
                "combined_disk1-img_sha256": hash("b"),
                combined_rootxz_sha256: hash("c"),
              },
              squashfs: file("squashfs", "2"),
              "disk1.img": file("disk1.img", "3"),
              "root.tar.xz": file("root.tar.xz", "4"),
              manifest: file("manifest", "5"),
              vmdk: file("vmdk", "6"),
              "squashfs.vcdiff": { ...file("squashfs.vcdiff", "7"), delta_base: "20261101" },
              "disk-kvm.img.vcdiff": { ...file("disk-kvm.img.vcdiff", "8"), delta_base: "20261020" },
              "squashfs.vcdiff-2": { ...file("squashfs.vcdiff", "9"), delta_base: "20260101" },
            },
          },
          "20261101": {
            items: {
              "lxd.tar.xz": { ...file("lxd.tar.xz", "d"), combined_squashfs_sha256: hash("e") },
              squashfs: file("squashfs", "f"),
            },
          },
        },
      },
    },
  };
}

function streamOf(
  name: string,
  {
    record = {},
    state = {},
    holds = [],
    aliases,
  }: {
    readonly record?: Partial<UpstreamRecord>;
    readonly state?: StreamState;
    readonly holds?: readonly string[];
    readonly aliases?: string;
  } = {},
): ImageStream {
  const { file } = readUpstreamProducts(JSON.stringify(ubuntu(aliases)), { name });
  return {
    name,
    origin: "cache",
    products: file,
    upstream: {
      record: {
        url: "https://images.example",
        isPublic: true,
        isVerbatim: true,
        aliasPrefix: "",
        twins: true,
        offline: false,
        fetchedAt: "2026-11-24T00:00:00Z",
        ...record,
      },
      state,
      documents: new Map(),
      productsPaths: [],
      listing: new Map(),
      holds: new Set(holds),
    },
  };
}

function listed(streams: readonly ImageStream[], family: "incus" | "lxd") {
  const profile = clientProfile(family === "incus" ? "incus 6.0" : "lxd 5.0");
  if (profile === undefined) throw new Error("no such client");
  return imagesOf(mergedRoot(streams).products, profile);
}

describe("an upstream in the merged root", () => {
  it("is listed by both clients, whichever dialect it speaks", () => {
    for (const family of ["incus", "lxd"] as const) {
      const images = listed([streamOf("ubuntu")], family);
      expect(images.map(({ fingerprint }) => fingerprint).sort()).toEqual([
        hash("a"),
        hash("b"),
        hash("c"),
        hash("e"),
      ]);
      const newest = images.find(({ aliases }) => aliases.includes("lts"));
      expect(newest).toMatchObject({ fingerprint: hash("a"), type: "container" });
    }
  });

  it("without twins is listed as the upstream does it", () => {
    const plain = [streamOf("ubuntu", { record: { twins: false } })];
    expect(listed(plain, "incus")).toEqual([]);
    expect(listed(plain, "lxd")).toHaveLength(4);
  });

  it("has one delta for each version at most, whose base is there, and none of virtual machines", () => {
    const [product] = mergedRoot([streamOf("ubuntu")]).products.products.values();
    const items = [...(product?.versions.get("20261120")?.items.values() ?? [])];
    expect(
      items.filter(({ ftype }) => ftype?.includes("vcdiff")).map(({ delta_base }) => delta_base),
    ).toEqual(["20261101"]);
  });

  it("leaves out what is for neither client, and every product has a variant", () => {
    const [product] = mergedRoot([streamOf("ubuntu")]).products.products.values();
    const ftypes = [...(product?.versions.get("20261120")?.items.values() ?? [])].map(({ ftype }) => ftype);
    expect(ftypes).not.toContain("manifest");
    expect(ftypes).not.toContain("vmdk");
    expect(product).toMatchObject({ variant: "default", supported: true, release_codename: "Noble Numbat" });
  });

  it("hides behind an earlier one with the same product, and says which aliases that costs", () => {
    const merged = mergedRoot([streamOf("ubuntu"), streamOf("daily", { aliases: "24.04,d" })]);
    expect(merged.products.products.size).toBe(1);
    expect(merged.hiddenAliases).toEqual([
      { stream: "daily", alias: "24.04", owner: "ubuntu" },
      { stream: "daily", alias: "d", owner: "ubuntu" },
    ]);
  });

  it("with a prefix stands beside, a fingerprint still once", () => {
    const daily = streamOf("daily", { record: { aliasPrefix: "daily/" }, aliases: "24.04" });
    const merged = mergedRoot([streamOf("ubuntu"), daily]);
    expect(merged.hiddenAliases).toEqual([]);
    expect(merged.hidden.get("daily")?.length).toBeGreaterThan(0);
    const own = mergedRoot([daily]);
    expect([...own.products.products.values()].map(({ aliases }) => aliases)).toEqual(["daily/24.04"]);
  });

  it("offline lists images whose files are all here", () => {
    const offline = streamOf("ubuntu", {
      record: { offline: true },
      holds: [hash("1"), hash("2"), hash("f")],
    });
    expect(listed([offline], "incus").map(({ fingerprint }) => fingerprint)).toEqual([hash("a")]);
  });

  it("never lists an image that turned out not to be what its fingerprint says", () => {
    const state = { distrusted: [{ fingerprint: hash("a"), reason: "other bytes" }] };
    const stream = streamOf("ubuntu", { state });
    expect(listed([stream], "lxd").map(({ fingerprint }) => fingerprint)).not.toContain(hash("a"));
    expect(imageRows([stream]).map(({ fingerprint }) => fingerprint)).not.toContain(hash("a"));
  });
});

describe("rows of an upstream's images", () => {
  it("say where they come from, what is here, and when they were last seen", () => {
    const state = {
      dropped: [
        {
          product: "com.ubuntu.cloud:server:24.04:amd64",
          version: "20261101",
          seenAt: "2026-11-10T00:00:00Z",
        },
      ],
    };
    const rows = imageRows([streamOf("ubuntu", { state, holds: [hash("1"), hash("2")] })]);
    const byFingerprint = new Map(rows.map((row) => [row.fingerprint, row]));
    expect(byFingerprint.get(hash("a"))).toMatchObject({
      origin: "cache",
      held: true,
      seen: "2026-11-24T00:00:00Z",
    });
    expect(byFingerprint.get(hash("b"))).toMatchObject({ held: false });
    expect(byFingerprint.get(hash("e"))).toMatchObject({ held: false, seen: "2026-11-10T00:00:00Z" });
  });
});
