import { finding, type Finding, type Place } from "../finding.ts";
import { compareAsClient } from "../images-of.ts";
import type { ListedImage } from "../listed-image.ts";
import { quoted } from "../printable.ts";
import { compareBytes } from "../version-name.ts";

/** What is wrong between images: `images` are all that one client lists, in its order. */
export function checkOrder(images: readonly ListedImage[], aliasesOf: AliasesOf): Finding[] {
  return [
    ...duplicates(images),
    ...undefinedOrder(images),
    ...equalImages(images, aliasesOf),
    ...takenAliases(images, aliasesOf),
    ...versionOrder(images),
  ];
}

/** The aliases that the product of an image offers. */
export type AliasesOf = (image: ListedImage) => readonly string[];

function placeOf({ file, product }: ListedImage): Place {
  return { file, product };
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
    findings.push(finding("duplicate-fingerprint", { ...placeOf(image), version: image.version }, reason));
  }
  return findings;
}

/** A property that only some of a group have, among images that are otherwise compared by it. */
function undefinedOrder(images: readonly ListedImage[]): Finding[] {
  const findings: Finding[] = [];
  const levels = ["os", "release", "variant"] as const;
  for (const [depth, key] of levels.entries()) {
    const groups = new Map<string, { with: number; without: Map<string, ListedImage> }>();
    for (const image of images) {
      const above = levels
        .slice(0, depth)
        .map((level) => image.properties[level] ?? "")
        .join("\n");
      let group = groups.get(above);
      if (group === undefined) groups.set(above, (group = { with: 0, without: new Map() }));
      if (image.properties[key] === undefined) group.without.set(`${image.file} ${image.product}`, image);
      else group.with++;
    }
    for (const group of groups.values()) {
      if (group.with === 0) continue;
      const reason = `it has no ${key} and others beside it have one, so aliases may lead to any build`;
      for (const one of group.without.values()) {
        findings.push(finding("undefined-order", { ...placeOf(one), field: key }, reason));
      }
    }
  }
  return findings;
}

/** Neighbours that compare as equal and want the same name. */
function equalImages(images: readonly ListedImage[], aliasesOf: AliasesOf): Finding[] {
  const findings: Finding[] = [];
  for (const [at, image] of images.entries()) {
    const before = images[at - 1];
    if (before === undefined || before.type !== image.type || compareAsClient(before, image) !== 0) continue;
    const wanted = new Set(aliasesOf(before));
    const shared = aliasesOf(image).find((alias) => wanted.has(alias));
    if (shared === undefined || before.fingerprint === image.fingerprint) continue;
    const reason = `it compares as equal to ${quoted(before.product)} ${quoted(before.version)}, so the alias ${quoted(shared)} leads to either`;
    findings.push(finding("equal-images", { ...placeOf(image), version: image.version }, reason));
  }
  return findings;
}

/** Aliases of a product that lead to another one: it comes earlier in the clients' order, for the same type and architecture. */
function takenAliases(images: readonly ListedImage[], aliasesOf: AliasesOf): Finding[] {
  const owners = new Map<string, ListedImage>();
  const group = (image: ListedImage) => `${image.type} ${image.architecture} `;
  for (const image of images) for (const alias of image.claims) owners.set(group(image) + alias, image);
  const findings = new Map<string, Finding>();
  let last: ListedImage | undefined;
  for (const image of images) {
    if (last?.product === image.product && last.file === image.file && group(last) === group(image)) continue;
    last = image;
    for (const alias of aliasesOf(image)) {
      const owner = owners.get(group(image) + alias);
      if (owner === undefined || owner.product === image.product) continue;
      const reason = `the alias ${quoted(alias)} leads to ${quoted(owner.product)}, which clients sort before it`;
      const place = { ...placeOf(image), field: "aliases", value: alias };
      findings.set(`${image.file}\n${image.product}\n${alias}`, finding("alias-taken", place, reason));
    }
  }
  return [...findings.values()];
}

/** Versions of one product whose names sort otherwise than their dates and numbers. */
function versionOrder(images: readonly ListedImage[]): Finding[] {
  const products = new Map<string, { readonly image: ListedImage; readonly names: Set<string> }>();
  for (const image of images) {
    const key = `${image.file} ${image.product}`;
    const known = products.get(key);
    if (known === undefined) products.set(key, { image, names: new Set([image.version]) });
    else known.names.add(image.version);
  }
  const findings: Finding[] = [];
  for (const { image, names } of products.values()) {
    if (names.size < 2) continue;
    const byText = [...names].sort(compareBytes);
    const at = byText.findIndex(
      (name, index) => index > 0 && compareNumbers(byText[index - 1] ?? "", name) > 0,
    );
    if (at === -1) continue;
    const [older = "", newer = ""] = [byText[at - 1], byText[at]];
    const reason = `clients take ${quoted(newer)} for newer than ${quoted(older)}`;
    findings.push(finding("version-order", { ...placeOf(image), version: newer }, reason));
  }
  return findings;
}

/** By the numbers in two version names: the date, then a time or a counter, however they are written. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [numbersIn(a), numbersIn(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersIn(name: string): number[] {
  const rest = name.slice(8).replace(/(\d\d):(\d\d)/, "$1$2");
  return [Number(name.slice(0, 8)), ...(rest.match(/\d+/g) ?? []).map(Number)];
}
