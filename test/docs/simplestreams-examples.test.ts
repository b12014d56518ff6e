import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  indexDefinition,
  indexEntryDefinition,
  itemDefinition,
  productDefinition,
  productsDefinition,
  versionDefinition,
} from "../../src/simplestreams/definitions.ts";
import { deltaFtypes, metadataFtypes, rootFtypes, unifiedFtypes } from "../../src/simplestreams/ftypes.ts";
import {
  type ListedImage,
  clientProfiles,
  hazards,
  imagesOf,
  invisible,
  kernelArchitecture,
  kernelArchitectures,
  newestVersion,
  parseProducts,
} from "../../src/simplestreams/index.ts";
import { run } from "../clients/program.ts";
import { block, blocks, page } from "./simplestreams-page.ts";

describe("docs/simplestreams.md", () => {
  it("shows what its commands about the order of a fingerprint print", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headwater-page-"));
    const printed = await run("sh", ["-eu"], { cwd: folder, input: block("fingerprint") });
    await rm(folder, { recursive: true });
    expect(page).toContain(`\`\`\`text\n${printed}\`\`\``);
  });

  it("marks every example in JSON for a test", () => {
    const marked = [...page.matchAll(/^<!-- test: json .* -->\n```json$/gm)];
    expect(marked).toHaveLength([...page.matchAll(/^```json$/gm)].length);
  });

  const fragments: readonly (readonly [
    string,
    string,
    (images: readonly ListedImage[]) => unknown,
    unknown,
  ])[] = [
    [
      "a container and a virtual machine",
      inVersion(blocks("json items")[0]),
      types,
      ["container", "virtual-machine"],
    ],
    ["a unified container", inVersion(blocks("json items")[1]), types, ["container"]],
    [
      "a delta to a base without a root",
      inProduct({ versions: JSON.parse(block("json versions")) }),
      bases,
      [["20261124_1013"]],
    ],
    [
      "requirements",
      inProduct({ ...JSON.parse(block("json product")), versions: smallestVersions() }),
      requirements,
      ["false"],
    ],
  ];

  it.each(fragments)("has an example of %s that every client reads so", (_what, text, view, expected) => {
    const products = parseProducts(text);
    for (const client of clientProfiles) {
      expect(view(imagesOf(products, client)), client.name).toEqual(expected);
      expect(hazards(products, client), client.name).toEqual([]);
      // What is left out with good reason, such as the base of a delta, is a note.
      const wrong = invisible(products, client).filter(({ level }) => level !== "note");
      expect(wrong, client.name).toEqual([]);
    }
  });

  it("has no example that is not one of these", () => {
    const named = [...page.matchAll(/^<!-- test: json (.*) -->$/gm)].map(([, name]) => name);
    expect(named).toEqual(["index", "items", "items", "versions", "product", "headwater products"]);
  });

  it.each([
    ["index", indexDefinition],
    ["entry", indexEntryDefinition],
    ["file", productsDefinition],
    ["product", productDefinition],
    ["version", versionDefinition],
    ["item", itemDefinition],
  ])("has a row for every field of the table %s", (table, definition) => {
    expect(firstCells(table)).toEqual(expect.arrayContaining(Object.keys(definition.shape)));
  });

  it("has a row for every ftype that the library knows", () => {
    const known = [metadataFtypes, unifiedFtypes, deltaFtypes].flatMap((names) => Object.values(names));
    expect(new Set(firstCells("ftype"))).toEqual(new Set([...known, ...rootFtypes]));
  });

  it("orders names of versions as clients do", () => {
    const pairs = [...page.matchAll(/`([\d._]+)`\s+is\s+older\s+than\s+`([\d._]+)`/g)];
    expect(pairs).toHaveLength(2);
    for (const [, older, newer] of pairs) expect(newestVersion([older ?? "", newer ?? ""])).toBe(newer);
  });

  it("has every architecture that the library knows", () => {
    const rows = tableRows("write").join("\n");
    for (const kernel of kernelArchitectures) expect(rows).toContain(`\`${kernel}\``);
    const named = [...rows.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => kernelArchitecture(name) === undefined)).toEqual([]);
  });
});

/** Rows of the table whose first heading this is, without the two of the heading. */
function tableRows(heading: string): readonly string[] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  expect(start, `the table "${heading}"`).toBeGreaterThan(0);
  const rows = lines.slice(start + 2);
  return rows.slice(
    0,
    rows.findIndex((line) => !line.startsWith("|")),
  );
}

/** The field or ftype that each row of a table is about. */
function firstCells(heading: string): readonly string[] {
  return tableRows(heading).map((row) => /^\| `([^`]+)`/.exec(row)?.[1] ?? row);
}

/** A products file with one product, the page's own but for these fields. */
function inProduct(fields: object): string {
  const [key, product] = Object.entries<object>(headwaterProducts())[0] ?? [];
  return JSON.stringify({ products: { [key ?? ""]: { ...product, ...fields } } });
}

function inVersion(items = ""): string {
  return inProduct({ versions: { "20261125_1013": { items: JSON.parse(items) as unknown } } });
}

function smallestVersions(): unknown {
  return Object.values(headwaterProducts())[0]?.versions;
}

function headwaterProducts(): Readonly<Record<string, { readonly versions: unknown }>> {
  const { products } = JSON.parse(block("json headwater products")) as {
    readonly products: Readonly<Record<string, { readonly versions: unknown }>>;
  };
  return products;
}

function types(images: readonly ListedImage[]): unknown {
  return images.map(({ type }) => type);
}

function bases(images: readonly ListedImage[]): unknown {
  return images.map(({ deltas }) => deltas.map(({ baseVersion }) => baseVersion));
}

function requirements(images: readonly ListedImage[]): unknown {
  return images.map(({ properties }) => properties["requirements.secureboot"]);
}
