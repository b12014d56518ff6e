import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addFiles } from "../../src/intake/files/add-files.ts";
import {
  clientProfiles,
  hazards,
  imagesOf,
  invisible,
  parseIndex,
  parseProducts,
} from "../../src/simplestreams/index.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { run } from "../clients/program.ts";
import { documentsOf } from "../intake/sync/tiny-upstream.ts";
import { BUILD_PROGRAMS, block, buildSmallestTree, page } from "./simplestreams-page.ts";

const missing = BUILD_PROGRAMS.filter(
  (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
);
if (missing.length > 0) console.warn(`skipped: ${missing.join(", ")} not installed, and the page needs it`);

const INDEX = "streams/v1/index.json";
const PRODUCTS = "streams/v1/images.json";

describe.skipIf(missing.length > 0)(
  "the smallest tree of docs/simplestreams.md, built with its commands",
  () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "headwater-page-"));
      await buildSmallestTree(folder);
    });
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    it.each(clientProfiles)(
      "lists one image for $name, under the hash that the page computes",
      async (client) => {
        const products = parseProducts(await readFile(join(folder, "tree", PRODUCTS)));
        const images = imagesOf(products, client);
        expect(images.map(({ fingerprint }) => fingerprint)).toEqual([(await repeated())[0]]);
        expect(images[0]).toMatchObject({
          type: "container",
          version: expect.stringMatching(/^\d{8}_\d{4}$/),
        });
        expect(images[0]?.claims).toEqual(expect.arrayContaining(["demo/1", "demo/1/default"]));
        expect([...invisible(products, client), ...hazards(products, client)]).toEqual([]);
      },
    );

    it("has an index that leads to it", async () => {
      const { index } = parseIndex(await readFile(join(folder, "tree", INDEX)));
      const products = parseProducts(await readFile(join(folder, "tree", PRODUCTS)));
      expect([...index.values()]).toEqual([
        {
          datatype: "image-downloads",
          format: "products:1.0",
          path: PRODUCTS,
          products: [...products.products.keys()],
        },
      ]);
    });

    it("says the same hash computed as listed, three times", async () => {
      const hashes = await repeated();
      expect(hashes).toHaveLength(3);
      expect(new Set(hashes).size).toBe(1);
    });

    it("becomes, added to Headwater, what the page shows", async () => {
      const documents = await headwaterDocuments();
      expect(masked(documents.get(PRODUCTS))).toBe(masked(block("json headwater products")));
      expect(masked(documents.get(INDEX))).toBe(masked(block("json index")));
    });

    it("has at each level the keys that Headwater writes, but for those that the page names", async () => {
      const documents = await headwaterDocuments();
      const own = keysByLevel(await readFile(join(folder, "tree", PRODUCTS), "utf8"));
      const headwater = keysByLevel(documents.get(PRODUCTS) ?? "");
      const named = /^`headwater add` with the two files.*?\n\n/ms.exec(page)?.[0] ?? "";
      for (const [level, keys] of own) {
        const more = headwater.get(level) ?? new Set();
        expect(
          [...keys].filter((key) => !more.has(key)),
          level,
        ).toEqual([]);
        for (const key of more) if (!keys.has(key)) expect(named, level).toContain(`\`${key}\``);
      }
    });

    /** The hashes that the commands print which the page gives for repeating the fingerprint. */
    async function repeated(): Promise<string[]> {
      const printed = await run("sh", ["-eu"], { cwd: folder, input: block("repeat") });
      return printed.match(/[0-9a-f]{64}/g) ?? [];
    }

    async function headwaterDocuments(): Promise<Map<string, string>> {
      const store = createMemoryStore();
      const files = await readdir(join(folder, "tree"), { recursive: true });
      const image = files.filter((path) => /\/(metadata\.tar\.xz|rootfs\.squashfs)$/.test(path));
      const paths = image.map((path) => join(folder, "tree", path));
      await addFiles(store, paths, {});
      return documentsOf(store);
    }
  },
);

/** The text with everything that differs from build to build and from machine to machine written as one word. */
function masked(text = ""): string {
  return JSON.stringify(JSON.parse(text), null, 2)
    .replaceAll(/[0-9a-f]{64}/g, "HASH")
    .replaceAll(/-[0-9a-f]{8}\./g, "-HASH.")
    .replaceAll(/"size": \d+/g, '"size": SIZE')
    .replaceAll(/\d{8}_\d{4}/g, "VERSION")
    .replaceAll(/\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000|\d{4}-\d\d-\d\dT[\d:]{8}Z/g, "DATE")
    .replaceAll(/\b(amd64|arm64)\b/g, "ARCH");
}

/** Which keys stand at each level of a products file. */
function keysByLevel(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const keys = new Map<string, Set<string>>();
  const add = (level: string, value: object) => {
    const known = keys.get(level) ?? new Set();
    for (const key of Object.keys(value)) known.add(key);
    keys.set(level, known);
  };
  const file = parseProducts(text);
  add("file", file);
  for (const product of file.products.values()) {
    add("product", product);
    for (const version of product.versions.values()) {
      add("version", version);
      for (const item of version.items.values()) add(`item ${item.ftype}`, item);
    }
  }
  return keys;
}
