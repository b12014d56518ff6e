import { describe, expect, it } from "vitest";
import type { Build } from "../../src/intake/build.ts";
import { listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { fingerprintsOf } from "../../src/simplestreams/fingerprint.ts";
import type { Product } from "../../src/simplestreams/products.ts";
import { emptyOwnStream, type ImageStream } from "../../src/views/image-stream.ts";
import { type MergedRoot, mergedRoot } from "../../src/views/merged-root.ts";
import { someBuild } from "../intake/some-build.ts";

function streamOf(name: string, ...builds: Build[]): ImageStream {
  const listing = new Listing(emptyOwnStream().products);
  for (const build of builds) {
    listBuild(listing, build, { now: new Date(0), from: "person" });
  }
  return { ...emptyOwnStream(), name, products: listing.file };
}

function withProducts(stream: ImageStream, change: (product: Product) => Product): ImageStream {
  const products = new Map([...stream.products.products].map(([key, product]) => [key, change(product)]));
  return { ...stream, products: { ...stream.products, products } };
}

function fingerprints(merged: MergedRoot): string[] {
  return [...merged.products.products.values()].flatMap((product) =>
    [...product.versions.values()].flatMap((version) =>
      fingerprintsOf(version).map((image) => image.fingerprint),
    ),
  );
}

const cloud = { os: "debian", release: "12", variant: "cloud", arch: "amd64" };

describe("mergedRoot", () => {
  it("leads to every item through the name of its image stream", () => {
    const merged = mergedRoot([
      streamOf("images", someBuild("a")),
      streamOf("lab", someBuild("b", { names: cloud })),
    ]);
    const paths = [...merged.products.products.values()].flatMap((product) =>
      [...product.versions.values()].flatMap((version) =>
        [...version.items.values()].map((item) => item.path),
      ),
    );
    expect(new Set(paths.map((path) => path?.split("/")[0]))).toEqual(new Set(["images", "lab"]));
  });

  it("lets an earlier image stream win a product, and says which", () => {
    const merged = mergedRoot([streamOf("images", someBuild("a")), streamOf("lab", someBuild("b"))]);
    expect(merged.products.products.size).toBe(1);
    expect(merged.hidden.get("lab")).toEqual([
      expect.objectContaining({
        product: "debian:12:default:amd64",
        reason: expect.stringContaining('"images"'),
      }),
    ]);
  });

  it("lists a fingerprint once", () => {
    const merged = mergedRoot([
      streamOf("images", someBuild("a")),
      streamOf("lab", someBuild("a", { names: cloud }), someBuild("b", { names: cloud })),
    ]);
    expect(new Set(fingerprints(merged)).size).toBe(fingerprints(merged).length);
    expect(fingerprints(merged)).toHaveLength(2);
    expect(merged.hidden.get("lab")?.[0]?.reason).toContain("already listed as images/");
  });

  it("hides a product with a text that would spoil the signature of the whole list, and says why", () => {
    const odd = (size: number, text = "x") =>
      withProducts(streamOf("lab", someBuild("b", { names: cloud })), (product) => ({
        ...product,
        release_title: text.repeat(size),
      }));
    const merged = mergedRoot([streamOf("images", someBuild("a")), odd(20_000)]);
    expect([...merged.products.products.keys()]).toEqual(["debian:12:default:amd64"]);
    expect(merged.hidden.get("lab")?.[0]?.reason).toContain("too long");
    // In ASCII each of these is six characters.
    expect(mergedRoot([odd(4000, "中")]).products.products.size).toBe(0);
    expect(mergedRoot([odd(15_000)]).products.products.size).toBe(1);
    expect(mergedRoot([odd(2000, "中")]).products.products.size).toBe(1);
  });

  it("leaves an alias to the first product of an architecture and type", () => {
    const other = streamOf("lab", someBuild("b", { names: cloud, aliases: ["web"] }));
    const merged = mergedRoot([streamOf("images", someBuild("a", { aliases: ["web"] })), other]);
    const aliases = [...merged.products.products.values()].map((product) => product.aliases?.split(","));
    expect(aliases.map((names) => names?.includes("web"))).toEqual([true, false]);
  });

  it("gives every product a variant, since clients sort one without it in no defined order", () => {
    const bare = withProducts(
      streamOf("lab", someBuild("a")),
      ({ variant: _variant, ...product }) => product,
    );
    expect([...mergedRoot([bare]).products.products.values()][0]?.variant).toBe("default");
  });

  it("lists for both dialects what an image stream lists for one", () => {
    const single = withProducts(streamOf("lab", someBuild("a")), (product) => ({
      ...product,
      versions: new Map(
        [...product.versions].map(([name, version]) => [
          name,
          {
            ...version,
            items: new Map([...version.items].filter(([, item]) => item.ftype !== "incus.tar.xz")),
          },
        ]),
      ),
    }));
    const [product] = mergedRoot([single]).products.products.values();
    const ftypes = [...(product?.versions.values() ?? [])].flatMap((version) =>
      [...version.items.values()].map((item) => item.ftype),
    );
    expect(ftypes).toEqual(expect.arrayContaining(["incus.tar.xz", "lxd.tar.xz"]));
  });

  it("hides a product whose architecture no client knows, and says so", () => {
    const odd = withProducts(streamOf("lab", someBuild("a")), (product) => ({ ...product, arch: "noarch" }));
    const merged = mergedRoot([odd]);
    expect(merged.products.products.size).toBe(0);
    expect(merged.hidden.get("lab")?.[0]?.reason).toContain("noarch");
  });

  it("hides one odd product and no other", () => {
    const odd = withProducts(streamOf("odd", someBuild("a")), (product) => ({ ...product, arch: "noarch" }));
    expect(mergedRoot([odd, streamOf("lab", someBuild("b"))]).products.products.size).toBe(1);
  });

  it("says which versions clients would ignore", () => {
    const stream = withProducts(streamOf("lab", someBuild("a")), (product) => ({
      ...product,
      versions: new Map([...product.versions.values()].map((version) => ["v1", version])),
    }));
    const merged = mergedRoot([stream]);
    expect(merged.products.products.size).toBe(0);
    expect(merged.hidden.get("lab")).toEqual([
      expect.objectContaining({ reason: expect.stringContaining("YYYYMMDD") }),
    ]);
  });

  it("gives an alias to one product although another image stream uses the same key for other fields", () => {
    const rename = (product: Product): Product => ({ ...product, release: "13", aliases: "debian/12" });
    const merged = mergedRoot([
      streamOf("images", someBuild("a")),
      withProducts(streamOf("lab", someBuild("b")), rename),
    ]);
    const named = [...merged.products.products.values()].filter((product) =>
      product.aliases?.split(",").includes("debian/12"),
    );
    expect(merged.products.products.size).toBe(2);
    expect(named.map((product) => product.release)).toEqual(["12"]);
  });
});
