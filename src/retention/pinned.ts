import { parseAliases } from "../simplestreams/aliases.ts";
import { fingerprintsOf } from "../simplestreams/fingerprint.ts";
import type { Version } from "../simplestreams/products.ts";
import type { Pin, PinnedAlias, VersionName } from "../store/pins.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";
import { newestImagesFirst } from "./newest-first.ts";

/** The pins on images and versions, for looking up many versions. */
export class Pinned {
  readonly #versions = new Map<string, Pin>();
  readonly #fingerprints = new Map<string, Pin>();

  constructor(pins: readonly Pin[]) {
    for (const pin of pins) {
      if (pin.kind === "image") this.#fingerprints.set(pin.fingerprint, pin);
      if (pin.kind === "version") this.#versions.set(keyOf(pin), pin);
      if (pin.kind === "alias") for (const name of pin.versions) this.#versions.set(keyOf(name), pin);
    }
  }

  get isEmpty(): boolean {
    return this.#versions.size + this.#fingerprints.size === 0;
  }

  /** The pin that keeps a version: on its name, or on one of its images. */
  of(name: VersionName, version: Version): Pin | undefined {
    const byName = this.#versions.get(keyOf(name));
    if (byName !== undefined || this.#fingerprints.size === 0) return byName;
    for (const { fingerprint } of fingerprintsOf(version)) {
      const pin = this.#fingerprints.get(fingerprint);
      if (pin !== undefined) return pin;
    }
    return undefined;
  }
}

export const NO_PINS = new Pinned([]);

function keyOf({ stream, product, version }: VersionName): string {
  return JSON.stringify([stream, product, version]);
}

/** The listed versions of an image stream that are pinned. */
export function pinnedVersions(stream: ImageStream, pinned: Pinned): VersionName[] {
  if (pinned.isEmpty) return [];
  const found = new Map<string, VersionName>();
  for (const { products } of listingOf(stream).values()) {
    for (const [product, { versions }] of products) {
      for (const [version, content] of versions) {
        const name = { stream: stream.name, product, version };
        if (pinned.of(name, content) !== undefined) found.set(keyOf(name), name);
      }
    }
  }
  return [...found.values()];
}

/** What an alias leads to: the newest version of every product that has it. Each image stream counts, also where an earlier one has the name. */
export function aliasTargets(alias: string, streams: readonly ImageStream[]): VersionName[] {
  const targets: VersionName[] = [];
  for (const { name, products, upstream } of streams) {
    const prefix = upstream?.record.aliasPrefix ?? "";
    for (const [product, { aliases, versions }] of products.products) {
      const names = parseAliases(aliases);
      if (!names.includes(alias) && !names.some((one) => `${prefix}${one}` === alias)) continue;
      const [version] = newestImagesFirst(versions);
      if (version !== undefined) targets.push({ stream: name, product, version });
    }
  }
  return targets;
}

/** The pin with these versions too; the same pin when it has them all. */
export function withTargets<Alias extends PinnedAlias>(pin: Alias, targets: readonly VersionName[]): Alias {
  const known = new Set(pin.versions.map(keyOf));
  const added = targets.filter((target) => !known.has(keyOf(target)));
  return added.length === 0 ? pin : { ...pin, versions: [...pin.versions, ...unique(added)] };
}

function unique(names: readonly VersionName[]): VersionName[] {
  return [...new Map(names.map((name) => [keyOf(name), name])).values()];
}

/** The pins as they are after these image streams have been published: what pinned aliases lead to now is pinned. */
export function pinsAfter(pins: readonly Pin[], streams: readonly ImageStream[]): readonly Pin[] {
  const after = pins.map((pin) =>
    pin.kind === "alias" ? withTargets(pin, aliasTargets(pin.alias, streams)) : pin,
  );
  return after.every((pin, at) => pin === pins[at]) ? pins : after;
}
