import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Build } from "../../src/intake/build.ts";
import { listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { clientProfile } from "../../src/simplestreams/client-profile.ts";
import { imagesOf } from "../../src/simplestreams/images-of.ts";
import { aliasNames } from "../../src/views/image-api/alias-names.ts";
import type { ApiImage } from "../../src/views/image-api/api-image.ts";
import { apiImages as apiImagesInTurn } from "../../src/views/image-api/api-images.ts";
import { fileName, renderImage } from "../../src/views/image-api/render-api.ts";
import { emptyOwnStream, type ImageStream } from "../../src/views/image-stream.ts";
import { mergedRoot } from "../../src/views/merged-root.ts";
import { someBuild } from "../intake/some-build.ts";

const apiImages = (streams: readonly ImageStream[]): ApiImage[] => [...apiImagesInTurn(streams)];

function streamOf(name: string, ...builds: Build[]): ImageStream {
  const listing = new Listing(emptyOwnStream().products);
  for (const build of builds) listBuild(listing, build, { now: new Date(0), from: "person" });
  return { ...emptyOwnStream(), name, products: listing.file };
}

const arm = { os: "debian", release: "12", variant: "default", arch: "arm64" };

function vm(seed: string, more: Partial<Build> = {}): Build {
  const build = someBuild(seed, more);
  if (build.files.kind !== "split") throw new Error("not split");
  const roots = build.files.roots.map(
    (root) => ({ ...root, ftype: "disk-kvm.img", extension: "qcow2" }) as const,
  );
  return { ...build, files: { ...build.files, roots } };
}

function unified(seed: string, more: Partial<Build> = {}): Build {
  const build = someBuild(seed, more);
  const { fingerprint = "" } = (build.files.kind === "split" ? build.files.roots[0] : undefined) ?? {};
  return {
    ...build,
    files: { kind: "unified", image: { sha256: fingerprint, size: 5, extension: "tar.gz" } },
  };
}

const target = (names: ReadonlyMap<string, ApiImage>, name: string): string | undefined =>
  names.get(name)?.fingerprint;

const fingerprintOf = (build: Build): string =>
  build.files.kind === "unified" ? build.files.image.sha256 : (build.files.roots[0]?.fingerprint ?? "");

describe("images of the image API", () => {
  it("are all there, those too that the merged root hides", () => {
    const own = someBuild("own");
    const hidden = someBuild("hidden");
    const images = apiImages([streamOf("images", own), streamOf("lab", hidden)]);
    expect(images.map(({ fingerprint, claims }) => [fingerprint, claims.length > 0])).toEqual([
      [fingerprintOf(own), true],
      [fingerprintOf(hidden), false],
    ]);
    expect(images[1]?.files.map(({ path }) => path.split("/")[0])).toEqual(["lab", "lab"]);
  });

  it("are each there once, whoever else lists it", () => {
    const images = apiImages([streamOf("images", someBuild("a")), streamOf("lab", someBuild("a"))]);
    expect(images).toHaveLength(1);
  });

  it("have the properties and dates that the image brought, else those that clients of simplestreams show", () => {
    const properties = { os: "Debian", anything: "else" };
    const versionFields = { properties, created_at: "2026-01-02T03:04:05.6Z", expires_at: "not a date" };
    const [known] = apiImages([streamOf("images", someBuild("a", { versionFields }))]);
    expect(known).toMatchObject({
      properties,
      createdAt: "2026-01-02T03:04:05.6Z",
      expiresAt: "0001-01-01T00:00:00Z",
    });
    const stream = streamOf("images", someBuild("a"));
    const [image] = apiImages([stream]);
    const [listed] = imagesOf(mergedRoot([stream]).products, clientProfile("incus 6.0"));
    expect(image?.properties).toEqual(listed?.properties);
    expect(image?.createdAt).toBe("2026-01-02T03:04:00Z");
  });

  it("have file names with a dot, whatever the paths are", () => {
    fc.assert(
      fc.property(fc.string(), (path) => {
        const [image] = apiImages([streamOf("images", unified("a"))]);
        const [file] = image?.files ?? [];
        if (image === undefined || file === undefined) throw new Error("no image");
        const name = fileName({ ...image, files: [{ ...file, path }] }, 0);
        expect(name).toMatch(/^[0-9a-f]{64}\.[a-z0-9.]+$/);
      }),
    );
  });

  it("are told as both daemons tell them: public, with dates, and sizes of all files", () => {
    const [image] = apiImages([streamOf("images", someBuild("a"))]);
    if (image === undefined) throw new Error("no image");
    expect(renderImage(image, ["b", "a"])).toMatchObject({
      public: true,
      size: 100_500,
      architecture: "x86_64",
      aliases: [{ name: "b" }, { name: "a" }],
      filename: `meta-${image.fingerprint}.tar.xz`,
      last_used_at: "0001-01-01T00:00:00Z",
    });
  });
});

describe("aliases of the image API", () => {
  const container = someBuild("container");
  const machine = vm("machine", { versionFields: {}, builtAt: new Date("2026-01-03T03:04:05Z") });
  const onArm = someBuild("arm", { names: arm });
  const images = apiImages([streamOf("images", container, machine, onArm)]);

  it("mean the container before the virtual machine, which has /vm", () => {
    const names = aliasNames(images, "x86_64");
    expect(target(names, "debian/12")).toBe(fingerprintOf(container));
    expect(target(names, "debian/12/vm")).toBe(fingerprintOf(machine));
    expect(target(names, "debian/12/amd64")).toBe(fingerprintOf(container));
    expect(target(names, "debian/12/amd64/vm")).toBe(fingerprintOf(machine));
  });

  it("mean the image of the client's architecture, else of one that it runs, else of any", () => {
    expect(target(aliasNames(images, "aarch64"), "debian/12")).toBe(fingerprintOf(onArm));
    expect(target(aliasNames(images, "x86_64"), "debian/12/arm64")).toBe(fingerprintOf(onArm));
    const only = apiImages([streamOf("images", onArm)]);
    expect(target(aliasNames(only, "x86_64"), "debian/12")).toBe(fingerprintOf(onArm));
    const both = apiImages([
      streamOf("images", onArm, someBuild("i386", { names: { ...arm, arch: "i386" } })),
    ]);
    expect(target(aliasNames(both, "x86_64"), "debian/12")).toBe(fingerprintOf(someBuild("i386")));
  });

  it("mean the virtual machine where there is no container, and the newest version", () => {
    const machines = apiImages([
      streamOf("images", vm("old"), vm("new", { builtAt: new Date("2026-02-02T00:00:00Z") })),
    ]);
    const names = aliasNames(machines, "x86_64");
    expect(target(names, "debian/12")).toBe(fingerprintOf(vm("new")));
    expect(target(names, "debian/12/vm")).toBe(fingerprintOf(vm("new")));
  });

  it("that a person gave win over those made here", () => {
    const named = someBuild("named", {
      names: { ...arm, arch: "amd64", variant: "x" },
      aliases: ["debian/12/vm"],
    });
    const all = apiImages([streamOf("images", machine, named)]);
    expect(target(aliasNames(all, "x86_64"), "debian/12/vm")).toBe(fingerprintOf(named));
  });

  it("lead where simplestreams leads for containers, whatever is listed", () => {
    const builds = fc.array(
      fc.record({
        seed: fc.string({ minLength: 1 }),
        arch: fc.constantFrom("amd64", "arm64"),
        variant: fc.constantFrom("default", "cloud"),
        alias: fc.constantFrom("a", "b", "c"),
        day: fc.integer({ min: 1, max: 28 }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(builds, (wanted) => {
        const listing = new Listing(emptyOwnStream().products);
        for (const { seed, arch, variant, alias, day } of wanted) {
          const build = someBuild(seed, {
            names: { os: "debian", release: "12", variant, arch },
            aliases: [alias],
            builtAt: new Date(Date.UTC(2026, 0, day)),
          });
          try {
            listBuild(listing, build, { now: new Date(0), from: "tree" });
          } catch {
            // The same bytes under another product.
          }
        }
        const stream = { ...emptyOwnStream(), products: listing.file };
        const names = aliasNames(apiImages([stream]), "x86_64");
        for (const image of imagesOf(mergedRoot([stream]).products, clientProfile("incus 6.0"))) {
          if (image.architecture !== "x86_64") continue;
          for (const alias of image.claims) expect(target(names, alias)).toBe(image.fingerprint);
        }
      }),
    );
  });
});

describe("what a daemon had from an upstream", () => {
  const upstream = { server: "https://images.example", alias: "debian/12" };
  const origin = {
    daemon: "incus",
    server: "build1",
    source: "/run/incus/unix.socket",
    fingerprint: "f".repeat(64),
    pulled_at: "2026-11-24T00:00:00Z",
  };

  it("never stands in that upstream's way", () => {
    const borrowed = someBuild("borrowed", {
      origin: { ...origin, upstream },
      standardAliases: false,
      aliases: ["mine"],
    });
    const theirs = someBuild("theirs");
    const merged = mergedRoot([streamOf("images", borrowed), streamOf("lab", theirs)]);
    const listed = imagesOf(merged.products, clientProfile("incus 6.0"));
    expect(listed.map(({ fingerprint }) => fingerprint)).toEqual([fingerprintOf(theirs)]);
    expect(merged.hidden.get("images")).toMatchObject([{ reason: expect.stringContaining('"lab"') }]);
    // Without that upstream it is listed like any other.
    expect(mergedRoot([streamOf("images", borrowed)]).products.products.size).toBe(1);
  });

  it("that it made itself comes first, as what was added here", () => {
    const made = someBuild("made", { origin });
    const merged = mergedRoot([streamOf("images", made), streamOf("lab", someBuild("theirs"))]);
    const listed = imagesOf(merged.products, clientProfile("incus 6.0"));
    expect(listed.map(({ fingerprint }) => fingerprint)).toEqual([fingerprintOf(made)]);
  });
});
