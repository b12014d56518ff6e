import { aliasProblem, parseAliases } from "./aliases.ts";
import type { ClientProfile } from "./client-profile.ts";
import { finding, type Finding } from "./finding.ts";
import { isFingerprint } from "./fingerprint.ts";
import { imagesOf } from "./images-of.ts";
import type { ListedFile, ListedImage } from "./listed-image.ts";
import { quoted } from "./printable.ts";
import type { ProductsFile } from "./products.ts";
import { isRelativePath } from "./relative-path.ts";

/**
 * What a client lists and cannot use, or uses in a way nobody means: fingerprints that are listed twice, files without
 * hash, images with no defined order, deltas that do harm. Empty when there is no such thing.
 */
export function hazards(file: ProductsFile, client: ClientProfile): Finding[] {
  const images = imagesOf(file, client);
  return [
    ...images.flatMap((image) => imageHazards(image, file, client)),
    ...duplicates(images),
    ...undefinedOrder(images),
    ...takenAliases(images, file),
    ...aliasHazards(file),
  ];
}

function imageHazards(image: ListedImage, file: ProductsFile, client: ClientProfile): Finding[] {
  const place = { product: image.product, version: image.version };
  const findings = image.files.flatMap((one) => fileHazards(one, place, client));
  if (!isFingerprint(image.fingerprint)) {
    const reason = `expected a fingerprint of 64 lower-case hex digits, got ${quoted(image.fingerprint)}`;
    findings.push(finding("fingerprint-form", place, reason));
  }
  const unified = image.files[0]?.role === "unified" ? image.files[0] : undefined;
  const item = file.products
    .get(image.product)
    ?.versions.get(image.version)
    ?.items.get(unified?.item ?? "");
  if (image.type === "container" && item?.combined_type === "virtual-machine") {
    const reason = `${client.name} takes this unified virtual machine for a container`;
    findings.push(finding("unified-vm", { ...place, ...(unified && { item: unified.item }) }, reason));
  }
  return [...findings, ...deltaHazards(image, client)];
}

function fileHazards(
  one: ListedFile,
  place: { product: string; version: string },
  client: ClientProfile,
): Finding[] {
  const at = { ...place, item: one.item };
  const findings: Finding[] = [];
  if (!isFingerprint(one.sha256)) {
    const reason = `expected a sha256 of 64 lower-case hex digits, got ${quoted(one.sha256)}`;
    findings.push(finding("file-hash", at, reason));
  }
  if (!isRelativePath(one.path)) {
    findings.push(
      finding("file-path", at, `the path ${quoted(one.path)} does not mean the same to every client`),
    );
  }
  if (client.enforcesSize && one.size <= 0) {
    findings.push(
      finding("file-size", at, `expected the size in bytes, got ${one.size}; downloads end there`),
    );
  }
  return findings;
}

function deltaHazards(image: ListedImage, client: ClientProfile): Finding[] {
  const findings: Finding[] = [];
  const place = { product: image.product, version: image.version };
  const [first, second] = image.deltas;
  if (client.vmDeltaBaseWrong && image.type === "virtual-machine" && first !== undefined) {
    const reason = `${client.name} applies this delta to the wrong image and then fails`;
    findings.push(finding("vm-delta", { ...place, item: first.item }, reason));
  }
  if (client.family === "incus" && second !== undefined) {
    const reason = "a host that holds several of the bases applies several deltas and then fails";
    findings.push(finding("several-deltas", { ...place, item: second.item }, reason));
  }
  return findings;
}

function duplicates(images: readonly ListedImage[]): Finding[] {
  const first = new Map<string, ListedImage>();
  const findings: Finding[] = [];
  for (const image of images) {
    const known = first.get(image.fingerprint);
    if (known === undefined) {
      first.set(image.fingerprint, image);
      continue;
    }
    const reason = `the fingerprint ${quoted(image.fingerprint)} is also listed as ${quoted(known.product)} ${quoted(known.version)}, so neither can be used`;
    findings.push(
      finding("duplicate-fingerprint", { product: image.product, version: image.version }, reason),
    );
  }
  return findings;
}

/** A property that only some of a group have, among images that are otherwise compared by it. */
function undefinedOrder(images: readonly ListedImage[]): Finding[] {
  const findings: Finding[] = [];
  const levels = ["os", "release", "variant"] as const;
  for (const [depth, key] of levels.entries()) {
    const groups = new Map<string, { with: number; without: ListedImage[] }>();
    for (const image of images) {
      const above = JSON.stringify(levels.slice(0, depth).map((level) => image.properties[level] ?? ""));
      const group = groups.get(above) ?? { with: 0, without: [] };
      groups.set(above, group);
      if (image.properties[key] === undefined) group.without.push(image);
      else group.with++;
    }
    for (const group of groups.values()) {
      const [one] = group.without;
      if (one === undefined || group.with === 0) continue;
      const reason = `it has no ${key} and others beside it have one, so aliases may lead to any build`;
      findings.push(finding("undefined-order", { product: one.product }, reason));
    }
  }
  return findings;
}

/** Aliases of a product that lead to another one: it comes earlier in the clients' order, for the same type and architecture. */
function takenAliases(images: readonly ListedImage[], file: ProductsFile): Finding[] {
  const owners = new Map<string, string>();
  const key = (image: ListedImage, alias: string) => `${image.type}\n${image.architecture}\n${alias}`;
  for (const image of images) for (const alias of image.claims) owners.set(key(image, alias), image.product);
  const findings = new Map<string, Finding>();
  for (const image of images) {
    for (const alias of parseAliases(file.products.get(image.product)?.aliases)) {
      const owner = owners.get(key(image, alias));
      if (owner === undefined || owner === image.product) continue;
      const reason = `the alias ${quoted(alias)} leads to ${quoted(owner)}, which clients sort before it`;
      const found = finding("alias-taken", { product: image.product }, reason);
      findings.set(`${image.product}\n${alias}`, found);
    }
  }
  return [...findings.values()];
}

function aliasHazards(file: ProductsFile): Finding[] {
  const findings: Finding[] = [];
  for (const [product, { aliases }] of file.products) {
    for (const alias of parseAliases(aliases)) {
      const problem = aliasProblem(alias);
      if (problem === undefined) continue;
      findings.push(finding("alias-form", { product }, `the alias ${quoted(alias)}: ${problem}`));
    }
  }
  return findings;
}
