import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Item, Product, ProductsFile, Version } from "../../src/simplestreams/products.ts";
import { slug } from "../../src/simplestreams/slug.ts";
import { explain } from "../../src/simplestreams/index.ts";
import type { ImageStream } from "../../src/views/image-stream.ts";
import {
  emptyLxc,
  withCurrentLxc,
  withLxcBuild,
  withLxcOf,
  withoutLxcBuilds,
} from "../../src/views/lxc-files.ts";
import { lxcIndex, lxcIndexDocuments } from "../../src/views/lxc-index.ts";
import { brokenTree } from "../simplestreams/broken-tree.ts";

const NAMES = { os: "Debian", release: "bookworm", arch: "amd64", variant: "default" };
const BASE = (stream: string): string => `${stream}/`;

type Names = Partial<typeof NAMES>;

function filesOf(version: string): ReadonlyMap<string, Item> {
  const file = (name: string, source: string): [string, Item] => [
    name,
    {
      path: `lxc/x/${slug(version)}/${name}`,
      sha256: `${name} of ${version}`,
      size: 1,
      made_from: `${source} of ${version}`,
    },
  ];
  return new Map([file("meta.tar.xz", "metadata"), file("rootfs.tar.xz", "root")]);
}

/** An image stream whose products have these builds; `ready` are those with files for LXC. */
function streamOf(
  name: string,
  products: Readonly<
    Record<
      string,
      { readonly names: Names; readonly builds: readonly string[]; readonly ready: readonly string[] }
    >
  >,
): ImageStream {
  const listed = new Map<string, Product>();
  let lxc: ProductsFile = emptyLxc(name);
  for (const [key, { names, builds, ready }] of Object.entries(products)) {
    const versions = new Map<string, Version>();
    for (const build of builds) {
      const items = ["metadata", "root"].map((what): [string, Item] => [
        what,
        { sha256: `${what} of ${build}` },
      ]);
      versions.set(build, { items: new Map(items) });
    }
    listed.set(key, { ...NAMES, ...names, versions });
    for (const version of ready) lxc = withLxcBuild(lxc, { product: key, version, items: filesOf(version) });
  }
  return { name, origin: "own", products: { products: listed }, lxc };
}

const one = (names: Names = {}, builds = ["20260101_0000"]) => ({ names, builds, ready: builds });
const textOf = (streams: readonly ImageStream[]): string =>
  lxcIndex(streams, BASE)
    .lines.map(({ text }) => text)
    .join("");

describe("the LXC index", () => {
  it("has one line for a product: slugs, Debian's name of the architecture, the newest build that is ready", () => {
    const builds = ["20260101_0000", "20260102_0000", "20260103_0000"];
    const product = { names: { os: "Rocky Linux", arch: "x86_64" }, builds, ready: builds.slice(0, 2) };
    expect(textOf([streamOf("images", { p: product })])).toBe(
      "rocky-linux;bookworm;amd64;default;20260102_0000;/images/lxc/x/20260102_0000/\n",
    );
  });

  it("offers no host what is made for newer machines, whichever comes first", () => {
    const stream = streamOf("images", {
      a: one({ arch: "amd64v3" }),
      b: one(),
      c: one({ arch: "x86_64_v2" }),
    });
    expect(
      textOf([stream])
        .split("\n")
        .map((line) => line.split(";")[2]),
    ).toEqual(["amd64", "amd64v3", "x86_64_v2", undefined]);
  });

  it("calls the variant that has no name default", () => {
    expect(textOf([streamOf("images", { p: one({ variant: "" }) })])).toContain(";amd64;default;");
  });

  it("lists a name once, of the first image stream, and says why the other is not there", () => {
    const first = streamOf("images", { p: one() });
    const other = streamOf("mirror", {
      q: one({ os: "DEBIAN" }, ["20270101_0000"]),
      r: one({ release: "trixie" }),
    });
    const { lines, hidden } = lxcIndex([first, other], BASE);
    expect(lines.map(({ text }) => text.split(";").slice(0, 2).join(" "))).toEqual([
      "debian bookworm",
      "debian trixie",
    ]);
    expect(lines[0]?.text).toContain("/images/lxc/");
    expect(hidden).toEqual([
      {
        stream: "mirror",
        product: "q",
        reason: "images/p is listed as debian bookworm amd64 default, and no two images can have one name",
      },
    ]);
  });

  it("has the plain form and all levels for both modes, and none of them when nothing is ready", () => {
    const documents = lxcIndexDocuments(lxcIndex([streamOf("images", { p: one() })], BASE), "all");
    const levels = ["", ".1", ".2", ".3", ".4", ".5", ".6", ".7"];
    expect([...documents.keys()].toSorted()).toEqual(
      ["system", "user"].flatMap((mode) => levels.map((level) => `meta/1.0/index-${mode}${level}`)),
    );
    const nothing = streamOf("images", { p: { names: {}, builds: ["20260101_0000"], ready: [] } });
    expect(lxcIndexDocuments(lxcIndex([nothing], BASE), "all").size).toBe(0);
  });

  it("offers LXC 1.0 what that has a configuration for", () => {
    const stream = streamOf("images", { p: one(), q: one({ os: "Alpine" }) });
    const documents = lxcIndexDocuments(lxcIndex([stream], BASE), "all");
    expect(documents.get("meta/1.0/index-system.1")).toMatch(/^debian;[^\n]*\n$/);
    expect(documents.get("meta/1.0/index-system.2")).toMatch(/^alpine;[^\n]*\ndebian;[^\n]*\n$/);
  });

  it("never has a field that ends its field or its line, whatever things are called", () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom(";", "\n", "\r", " ", "$", "`", "/", "%", "é"),
        fc.string({ minLength: 1, maxLength: 1 }),
      ),
    });
    const names = fc.record({ os: text, release: text, arch: text, variant: text });
    fc.assert(
      fc.property(
        fc.uniqueArray(names, { maxLength: 5, selector: (one) => JSON.stringify(one) }),
        text,
        (all, build) => {
          const products = Object.fromEntries(
            all.map((one, at) => [`p${at}`, { names: one, builds: [build], ready: [build] }]),
          );
          const index = lxcIndex([streamOf("images", products)], BASE);
          for (const { text: line } of index.lines) {
            expect(line).toMatch(/^[a-z0-9._-]+(?:;[\w.:+~-]+){4};\/[^;\n]*\/\n$/);
          }
          expect(new Set(index.lines.map(({ text: line }) => line.split(";").slice(0, 4).join())).size).toBe(
            index.lines.length,
          );
          expect(index.lines.length + index.hidden.length).toBe(all.length);
        },
      ),
    );
  });

  it("is read by explain as the script reads it", () => {
    const lxc = new Map([
      ["index-system", textOf([streamOf("images", { p: one(), q: one({ release: "trixie" }) })])],
    ]);
    const { readers, findings } = explain({ ...brokenTree([]), lxc });
    expect(readers.find(({ reader }) => reader === "lxc")?.lists).toBe(2);
    expect(findings).toEqual([]);
  });
});

describe("files for LXC", () => {
  const builds = ["20260101_0000", "20260102_0000"];
  const stream = streamOf("images", { p: one({}, builds) });
  const keysOf = ({ lxc }: ImageStream): string[] =>
    [...(lxc?.products ?? [])].flatMap(([key, { versions }]) =>
      [...versions.keys()].map((name) => `${key} ${name}`),
    );

  it("leave the lists with the version that they were made of", () => {
    const left = streamOf("images", { p: one({}, builds.slice(0, 1)) });
    expect(keysOf(withCurrentLxc({ ...stream, products: left.products }))).toEqual(["p 20260101_0000"]);
    expect(keysOf(withCurrentLxc({ ...stream, products: { products: new Map() } }))).toEqual([]);
  });

  it("leave them when the version gets other files", () => {
    const items = new Map([
      ["root", { sha256: "another" }],
      ["metadata", { sha256: "metadata of 20260102_0000" }],
    ]);
    const versions = new Map(stream.products.products.get("p")?.versions).set("20260102_0000", { items });
    const products = { products: new Map([["p", { ...NAMES, versions }]]) };
    expect(keysOf(withCurrentLxc({ ...stream, products }))).toEqual(["p 20260101_0000"]);
  });

  it("leave them, build by build, when their bytes are damaged", () => {
    const left = withoutLxcBuilds(stream, (sha256) => sha256 === "meta.tar.xz of 20260101_0000");
    expect(keysOf(left)).toEqual(["p 20260102_0000"]);
  });

  it("of two times are all there are", () => {
    const then = streamOf("images", { p: { names: {}, builds, ready: builds.slice(0, 1) } });
    const { lxc: _none, ...never } = then;
    expect(keysOf(withLxcOf(then, stream)).toSorted()).toEqual(["p 20260101_0000", "p 20260102_0000"]);
    expect(keysOf(withLxcOf(never, stream)).toSorted()).toEqual(["p 20260101_0000", "p 20260102_0000"]);
    expect(withLxcOf(never, never)).toBe(never);
  });
});
