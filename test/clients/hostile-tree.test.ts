import { mkdir, mkdtemp, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { parseProducts } from "../../src/simplestreams/index.ts";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { ARCHITECTURE, busyboxRoot, metadataTarball, squashfs } from "./image-files.ts";
import { asPrinted, predicted } from "./listing.ts";
import { sha256OfFiles } from "./sample-images.ts";
import { type StaticTree, serveTree } from "./static-tree.ts";
import { daemons, usersKnowing } from "./user.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Wrong types: clients decode into fixed ones, and give up on the whole remote at the first that differs. */
const UNREADABLE: Readonly<Record<string, Fields>> = {
  // Under both names: LXD 5.0.2 does not know the first, and so does not mind its type.
  "boolean-requirement": { requirements: { secureboot: false }, lxd_requirements: { secureboot: false } },
  "numeric-release-title": { release_title: 12 },
  "aliases-as-a-list": { aliases: ["one", "two"] },
};

/** What a publisher does wrong or with intent, and what clients still read. */
const HOSTILE: Readonly<Record<string, Fields>> = {
  "null-fields": { release_title: null, aliases: null, requirements: null },
  "blank-and-empty-aliases": { aliases: "a b, c,,d" },
  "an-alias-of-another-product": { aliases: "good/one" },
  "an-alias-like-a-fingerprint": { aliases: "0".repeat(64) },
  "an-alias-with-escapes": { aliases: "\u001b[2J\u001b[31mred,<script>alert(1)</script>" },
  "an-escaping-title": { release_title: "\u001b]0;owned\u0007 <img src=x> \u202e" },
  "a-dot-dot-os": { os: "../../etc" },
  "an-empty-os": { os: "" },
  "a-colon-release": { release: "a:b:c:d" },
  "an-unknown-architecture": { arch: "all" },
  "an-upper-case-architecture": { arch: "AMD64" },
  "an-odd-end-of-life": { support_eol: "April 2031" },
  "no-variant": { variant: undefined },
};

describe.skipIf(inject("daemons") === undefined)("a tree with hostile products", () => {
  let folder: string;
  let tree: string;
  let headwater: Headwater;
  let serving: Serving | undefined;
  let root: string;
  let plain: StaticTree | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "hostile-"));
    tree = join(folder, "tree");
    await mkdir(join(tree, "files"), { recursive: true });
    await mkdir(join(tree, "streams/v1"), { recursive: true });
    root = await squashfs(await busyboxRoot(folder, "good"), join(tree, "files/root.squashfs"));
    headwater = await Headwater.create();
  });
  afterEach(async () => {
    await serving?.stop();
    await plain?.close();
    await emptyDaemons(daemons());
  });

  test("never breaks a listing, and hides only itself", async () => {
    const products: [string, unknown][] = [["good", await product("good", { os: "Good", release: "one" })]];
    for (const [name, fields] of Object.entries(HOSTILE)) products.push([name, await product(name, fields)]);
    // Names that mean something to a JavaScript object.
    for (const name of ["__proto__", "constructor", "toString"])
      products.push([name, await product(name, {})]);
    await publish(products);

    const added = await headwater.attempt("add", tree);
    expect(added.stderr + added.stdout).not.toContain("\u001b");
    serving = await headwater.serve();
    const listed = parseProducts(await serving.document("/streams/v1/images.json"));
    for (const user of await usersKnowing(serving.url, await serving.pem())) {
      const printed = await user.list("hw");
      expect(printed).toEqual(predicted(listed, user.family).map((image) => asPrinted(image, user.family)));
      const fingerprints = printed.map(({ fingerprint }) => fingerprint);
      expect(new Set(fingerprints).size).toBe(fingerprints.length);
      for (const name of ["good", "null-fields", "__proto__", "constructor", "toString"]) {
        expect(fingerprints, name).toContain(await sha256OfFiles([metadataOf(name), root]));
      }
      await user.launch("hw:good/one", "c1");
      expect(await user.baseImage("c1")).toBe(await sha256OfFiles([metadataOf("good"), root]));
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("good\n");
    }
  });

  test.each(Object.entries(UNREADABLE))(
    "that no client can read is refused whole, by name: %s",
    async (name, fields) => {
      await publish([
        [name, await product(name, fields)],
        ["good", await product("good", { os: "Good", release: "one" })],
      ]);
      // The clients' own word on it, from a server that passes the file on as it is.
      plain = await serveTree(tree, new Map());
      for (const user of await usersKnowing(plain.url, plain.pem)) {
        const outcome = await user.attempt("image", "list", "hw:", "--format", "json");
        expect(outcome.status).not.toBe(0);
        expect(outcome.stderr).toContain("cannot unmarshal");
      }
      const added = await headwater.attempt("add", tree);
      expect(added.status).not.toBe(0);
      expect(added.stderr).toContain(name);
      expect(await headwater.json("list")).toEqual([]);
    },
  );

  test.each([
    ["leaves the tree", { path: "../../../etc/passwd" }],
    ["is absolute", { path: "/etc/passwd" }],
    ["is on another server", { path: "https://other.example/root.squashfs" }],
    ["does not exist", { path: "files/nothing.squashfs" }],
    ["has another hash", { sha256: "0".repeat(64) }],
    ["has another size", { size: 1 }],
  ])("an item that %s is left out by name, and the rest is served", async (_what, lie) => {
    const bad = await product("bad", {});
    Object.assign(bad.versions["20260101_0000"].items.squashfs, lie);
    await publish([
      ["bad", bad],
      ["good", await product("good", { os: "Good", release: "one" })],
    ]);
    const added = await headwater.attempt("add", tree);
    expect(added.stdout + added.stderr).toContain("bad");
    serving = await headwater.serve();
    for (const user of await usersKnowing(serving.url, await serving.pem())) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([
        await sha256OfFiles([metadataOf("good"), root]),
      ]);
    }
  });

  function metadataOf(name: string): string {
    return join(tree, `files/${name}.tar.xz`);
  }

  async function product(name: string, fields: Fields): Promise<ProductFields> {
    await rename(await metadataTarball(folder, { os: "Odd", release: name }), metadataOf(name));
    const metadata = {
      path: `files/${name}.tar.xz`,
      size: (await stat(metadataOf(name))).size,
      sha256: await sha256OfFiles([metadataOf(name)]),
      combined_squashfs_sha256: await sha256OfFiles([metadataOf(name), root]),
    };
    const squashfs: Record<string, unknown> = {
      ftype: "squashfs",
      path: "files/root.squashfs",
      size: (await stat(root)).size,
      sha256: await sha256OfFiles([root]),
    };
    return {
      arch: ARCHITECTURE.debian,
      os: "Odd",
      release: name,
      release_title: name,
      variant: "default",
      aliases: `${name}/one`,
      ...fields,
      versions: {
        "20260101_0000": {
          items: {
            "incus.tar.xz": { ...metadata, ftype: "incus.tar.xz" },
            "lxd.tar.xz": { ...metadata, ftype: "lxd.tar.xz" },
            squashfs,
          },
        },
      },
    };
  }

  /** By hand, since an object literal would swallow the product `__proto__`. */
  async function publish(products: readonly (readonly [string, unknown])[]): Promise<void> {
    const body = products.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",");
    const head = `"content_id":"images","datatype":"image-downloads","format":"products:1.0"`;
    await writeFile(join(tree, "streams/v1/images.json"), `{${head},"products":{${body}}}`);
    const entry = {
      datatype: "image-downloads",
      path: "streams/v1/images.json",
      format: "products:1.0",
      products: products.map(([key]) => key),
    };
    await writeFile(
      join(tree, "streams/v1/index.json"),
      JSON.stringify({ format: "index:1.0", index: { images: entry } }),
    );
  }
});

interface ProductFields {
  readonly versions: {
    readonly "20260101_0000": {
      readonly items: { readonly squashfs: Record<string, unknown>; readonly [key: string]: unknown };
    };
  };
  readonly [key: string]: unknown;
}
