import { createHash } from "node:crypto";
import { mkdtemp, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { busyboxRoot, metadataTarball, squashfs } from "./image-files.ts";
import { asPrinted, predicted } from "./listing.ts";
import { ODD_TREES } from "./odd-documents.ts";
import { type StaticTree, serveTree } from "./static-tree.ts";
import { parseProducts } from "../../src/simplestreams/index.ts";
import { FAMILIES, User, daemons } from "./user.ts";

/** A tree written by hand, without any of Headwater: proves the harness, and the rules that Headwater relies on. */
describe.skipIf(inject("daemons") === undefined)("the real clients and a tree written by hand", () => {
  let folder: string;
  let tree: StaticTree | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "tree-"));
  });
  afterEach(async () => {
    await tree?.close();
    await emptyDaemons(daemons());
  });

  test("one metadata file listed for both dialects: both list, launch and record one fingerprint", async () => {
    const metadata = await metadataTarball(folder, { os: "Busy", release: "one" });
    const root = await squashfs(await busyboxRoot(folder, "by hand"), join(folder, "root.squashfs"));
    const fingerprint = await sha256(metadata, root);
    const split = { ...(await item(metadata)), combined_squashfs_sha256: fingerprint };
    tree = await serveTree(
      folder,
      documents({
        "busy:one:default:amd64": {
          arch: process.arch === "arm64" ? "arm64" : "amd64",
          os: "Busy",
          release: "one",
          release_title: "One",
          variant: "default",
          aliases: "busy/one,busy/one/default",
          versions: {
            "20261101_1530": {
              items: {
                "incus.tar.xz": { ...split, ftype: "incus.tar.xz" },
                "lxd.tar.xz": { ...split, ftype: "lxd.tar.xz" },
                squashfs: { ...(await item(root)), ftype: "squashfs" },
              },
            },
          },
        },
      }),
    );
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("hand", tree.url, tree.pem);
      const [image, ...others] = await user.list("hand");
      expect(others).toEqual([]);
      expect(image?.fingerprint).toBe(fingerprint);
      expect(image?.aliases?.map(({ name }) => name)).toContain("busy/one/default");
      await user.launch("hand:busy/one", "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("by hand\n");
      expect(await user.baseImage("c1")).toBe(fingerprint);
    }
  });

  test.each(Object.entries(ODD_TREES))("%s: both list exactly what imagesOf predicts", async (_name, odd) => {
    const files = documents(odd);
    tree = await serveTree(folder, files);
    const products = parseProducts(JSON.stringify(files.get(PRODUCTS_PATH)));
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("odd", tree.url, tree.pem);
      const expected = predicted(products, family).map((image) => asPrinted(image, family));
      expect(expected.length).toBeGreaterThan(0);
      expect(await user.list("odd")).toEqual(expected);
    }
  });
});

const PRODUCTS_PATH = "streams/v1/images.json";

function documents(products: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const path = PRODUCTS_PATH;
  const entry = {
    datatype: "image-downloads",
    path,
    format: "products:1.0",
    products: Object.keys(products),
  };
  return new Map<string, unknown>([
    ["streams/v1/index.json", { format: "index:1.0", index: { images: entry } }],
    [path, { content_id: "images", datatype: "image-downloads", format: "products:1.0", products }],
  ]);
}

async function item(file: string): Promise<{ path: string; size: number; sha256: string }> {
  return { path: basename(file), size: (await stat(file)).size, sha256: await sha256(file) };
}

async function sha256(...files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(file));
  return hash.digest("hex");
}
