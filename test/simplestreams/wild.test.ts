import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  clientProfile,
  clientProfiles,
  hazards,
  imagesOf,
  imagesOfText,
  invisible,
  type ListedImage,
  parseIndex,
  parseProducts,
  renderProducts,
} from "../../src/simplestreams/index.ts";

const folder = new URL("../fixtures/simplestreams/", import.meta.url);
const names = ["linuxcontainers-images", "lxd-images", "ubuntu-releases"] as const;

function read(name: string): string {
  return readFileSync(new URL(`${name}.json`, folder), "utf8");
}

/** The fields that `listed/` keeps of what the client printed. */
function printed(image: ListedImage): unknown {
  const { fingerprint, type, architecture, size, filename, aliases, properties } = image;
  return {
    fingerprint,
    type,
    architecture,
    size,
    filename,
    created_at: image.createdAt,
    uploaded_at: image.uploadedAt,
    expires_at: image.expiresAt,
    // Go prints a list that was never filled as null.
    aliases: aliases.length === 0 ? null : aliases,
    properties,
  };
}

describe.each(names)("%s, in the shape of a public server", (name) => {
  test.each([
    ["incus-6.0.4", "incus 6.0"],
    ["lxd-5.0.2", "lxd 5.0"],
  ])("is listed exactly as %s printed it", (client, profile) => {
    const recorded = JSON.parse(
      readFileSync(new URL(`listed/${name}.${client}.json`, folder), "utf8"),
    ) as unknown[];
    const images = imagesOf(parseProducts(read(name)), clientProfile(profile));
    expect(images.map(printed)).toEqual(recorded);
  });

  test("is the same whether it was validated or decoded as a client does", () => {
    for (const client of clientProfiles) {
      const { images, fatal } = imagesOfText(read(name), client);
      expect(fatal).toEqual([]);
      expect(images).toEqual(imagesOf(parseProducts(read(name)), client));
    }
  });

  test("keeps every key and value when it is rendered", () => {
    expect(JSON.parse(renderProducts(parseProducts(read(name))))).toEqual(JSON.parse(read(name)));
  });
});

test("the index of images.linuxcontainers.org names its products", () => {
  const products = parseProducts(read("linuxcontainers-images"));
  const entry = parseIndex(read("linuxcontainers-index")).index.get("images");
  expect(entry).toMatchObject({ datatype: "image-downloads", path: "streams/v1/images.json" });
  expect(entry?.products).toEqual([...products.products.keys()]);
});

test("Incus sees nothing on Canonical's servers, and is told why for each version", () => {
  const file = parseProducts(read("lxd-images"));
  const versions = [...file.products.values()].reduce((sum, product) => sum + product.versions.size, 0);
  const findings = invisible(file, clientProfile("incus"));
  expect(findings).toHaveLength(versions);
  expect(new Set(findings.map(({ rule }) => rule))).toEqual(new Set(["other-dialect"]));
});

test("the VM deltas of images.lxd.canonical.com are used by newer LXD only", () => {
  const file = parseProducts(read("lxd-images"));
  const deltas = (name: string) =>
    imagesOf(file, clientProfile(name)).flatMap((image) => image.deltas.map(() => image.type));
  expect(new Set(deltas("lxd 6"))).toEqual(new Set(["container", "virtual-machine"]));
  expect(new Set(deltas("lxd 5.0"))).toEqual(new Set(["container"]));
});

test("what public servers publish has no known hazard but Canonical's aliases, which several releases share", () => {
  for (const name of names) {
    for (const client of clientProfiles) {
      const found = hazards(parseProducts(read(name)), client);
      expect(found.filter(({ rule, level }) => rule !== "alias-taken" && level !== "note")).toEqual([]);
      const shared = name === "ubuntu-releases" && client.family === "lxd" ? ["amd64", "arm64", "armhf"] : [];
      const taken = found.filter(({ rule }) => rule === "alias-taken");
      expect(taken.map(({ product, reason }) => [product, reason])).toEqual(
        shared.map((arch) => [
          `com.ubuntu.cloud:server:24.04:${arch}`,
          `the alias "lts" leads to "com.ubuntu.cloud:server:22.04:${arch}", which clients sort before it`,
        ]),
      );
    }
  }
});
