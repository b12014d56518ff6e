import { roleOf } from "../simplestreams/ftypes.ts";
import {
  isImages,
  type Listing,
  mapVersions,
  type ProductPlace,
  type VersionPlace,
} from "../simplestreams/listing.ts";
import type { Item, Product, Version } from "../simplestreams/products.ts";
import type { Pin } from "../store/pins.ts";
import type { Dates } from "../store/version-dates.ts";
import { deltaOf, withUsableDeltas } from "../views/usable-deltas.ts";
import { keepWithinSize } from "./keep-within-size.ts";
import { newestFirst, newestImagesFirst } from "./newest-first.ts";
import type { Pinned } from "./pinned.ts";
import { productRules, type RetentionPolicy, type RetentionRules, streamRules } from "./policy.ts";

export type Reason =
  | "newest"
  | "pin"
  | "versions"
  | "supersededFor"
  | "supported"
  /** No rule says what is kept. */
  | "no rule"
  /** What is kept has a delta against it. */
  | "delta base";

/** What becomes of one version. */
export interface Judgement {
  readonly place: VersionPlace;
  readonly version: Version;
  /** What it stays for; undefined when it goes. */
  readonly stays: Reason | undefined;
  /** Why it goes, or would if there were no pin and no delta: nothing keeps it, or there is no room for it. */
  readonly against: "rules" | "size" | undefined;
  readonly pin: Pin | undefined;
  /** Milliseconds since 1970; undefined for the newest. */
  readonly supersededMs: number | undefined;
}

export interface JudgeOptions {
  /** Name of the image stream. */
  readonly stream: string;
  readonly policy: RetentionPolicy;
  readonly dates: Dates;
  readonly pins: Pinned;
  readonly nowMs: number;
  /** Whether the files of a version are here: only then it stays for a delta. Left out: all are. */
  readonly isHere?: (place: VersionPlace) => boolean;
}

/** A judgement under way. */
export interface Case {
  readonly place: VersionPlace;
  readonly version: Version;
  readonly pin: Pin | undefined;
  readonly supersededMs: number | undefined;
  /** What the delta that clients can use is made from. */
  readonly bases: readonly Case[];
  readonly isHere: boolean;
  rule: Reason | undefined;
  against: Judgement["against"];
  /** Whether it stays, all of it, for what `rule` says. */
  isKept: boolean;
}

/** What stays of an image stream and what goes, each version with its reason. Pure: the same question gets the same answer. */
export function judge(listing: Listing, options: JudgeOptions): Judgement[] {
  const { policy, stream } = options;
  const general = streamRules(policy, stream);
  const all: Case[] = [];
  for (const [path, file] of listing) {
    for (const [productName, product] of file.products) {
      const place = { path, file, productName, product };
      const own = productRules(policy, stream, place);
      const cases = casesOf(place, own ?? general, options);
      if (own?.size !== undefined) keepWithinSize(cases, own.size);
      for (const one of cases) all.push(one);
    }
  }
  if (general?.size !== undefined) keepWithinSize(all, general.size);
  const needed = new Set(all.filter(({ isKept }) => isKept).flatMap(({ bases }) => bases));
  return all.map((one) => {
    const { place, version, pin, supersededMs, against, isHere } = one;
    const stays = one.isKept ? one.rule : needed.has(one) && isHere ? "delta base" : undefined;
    return { place, version, pin, supersededMs, stays, against };
  });
}

/** The versions of a product, the newest first. */
function casesOf(place: ProductPlace, rules: RetentionRules | undefined, options: JudgeOptions): Case[] {
  const { stream, dates, pins, nowMs, isHere = () => true } = options;
  const { productName, product } = place;
  const names = isImages(place.file)
    ? newestImagesFirst(product.versions)
    : newestFirst(product.versions.keys());
  const usable = withUsableDeltas(product.versions);
  const since = supersededTimes(names, dates.get(productName), nowMs);
  const byName = new Map<string, Case>();
  // The oldest first: a delta is made from an older version.
  for (const [at, versionName] of [...names.entries()].reverse()) {
    const version = product.versions.get(versionName) ?? { items: new Map<string, Item>() };
    const at_ = { ...place, versionName };
    const supersededMs = since[at];
    const pin = pins.of({ stream, product: productName, version: versionName }, version);
    const rule = ruleFor(rules, { at, product, supersededMs, nowMs });
    byName.set(versionName, {
      place: at_,
      version,
      pin,
      supersededMs,
      bases: basesOf(usable.get(versionName)).flatMap((base) => byName.get(base) ?? []),
      isHere: isHere(at_),
      rule: rule ?? (pin === undefined ? undefined : "pin"),
      against: rule === undefined ? "rules" : undefined,
      isKept: rule !== undefined || pin !== undefined,
    });
  }
  return [...byName.values()].reverse();
}

/** The first rule that keeps a version. */
function ruleFor(
  rules: RetentionRules | undefined,
  {
    at,
    product,
    supersededMs,
    nowMs,
  }: {
    /** How many newer ones there are. */
    readonly at: number;
    readonly product: Product;
    readonly supersededMs: number | undefined;
    readonly nowMs: number;
  },
): Reason | undefined {
  if (at === 0) return "newest";
  const { versions, supersededForMs, supported = false } = rules ?? {};
  if (versions === undefined && supersededForMs === undefined && !supported) return "no rule";
  if (versions !== undefined && at < versions) return "versions";
  if (supersededForMs !== undefined && nowMs - (supersededMs ?? nowMs) < supersededForMs)
    return "supersededFor";
  return supported && isSupported(product, nowMs) ? "supported" : undefined;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Until the end of the day, in UTC. A date that cannot be read says nothing, as none does. */
function isSupported({ support_eol }: Product, nowMs: number): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(support_eol ?? "") ? Date.parse(`${support_eol}T00:00:00Z`) : NaN;
  return Number.isNaN(day) || nowMs < day + DAY_MS;
}

/**
 * Since when each version has a newer one, for names from the newest to the oldest. Of one that is not listed here (yet, or any more) this is
 * when the first of the newer ones came: otherwise a mirror would copy again what went for its age.
 */
function supersededTimes(
  names: readonly string[],
  dates: ReadonlyMap<string, { readonly appearedAt: string; readonly supersededAt?: string }> | undefined,
  nowMs: number,
): (number | undefined)[] {
  let firstNewerMs = nowMs;
  return names.map((name, at) => {
    const known = dates?.get(name);
    const supersededMs = known?.supersededAt === undefined ? firstNewerMs : Date.parse(known.supersededAt);
    if (known !== undefined) firstNewerMs = Math.min(firstNewerMs, Date.parse(known.appearedAt));
    return at === 0 ? undefined : supersededMs;
  });
}

function basesOf(version: Version | undefined): string[] {
  const base = version === undefined ? undefined : deltaOf(version)?.delta_base;
  return base === undefined ? [] : [base];
}

/**
 * The listing without what goes. What stays for a delta alone has none itself, so that chains end; and a delta goes with its base.
 */
export function retained(
  listing: Listing,
  judgements: readonly Judgement[],
): { readonly listing: Listing; readonly isChanged: boolean } {
  const byVersion = new Map(judgements.map((one) => [one.version, one]));
  const gone = new Map<Product, Set<string>>();
  for (const { place, stays } of judgements) {
    if (stays !== undefined) continue;
    const names = gone.get(place.product) ?? new Set<string>();
    gone.set(place.product, names.add(place.versionName));
  }
  let isChanged = false;
  const left = mapVersions(listing, (version, { product }) => {
    const stays = byVersion.get(version)?.stays;
    if (stays === undefined) {
      isChanged = true;
      return undefined;
    }
    const names = gone.get(product);
    const items = new Map(
      [...version.items].filter(([, { ftype, delta_base }]) => {
        if (roleOf(ftype) !== "delta") return true;
        return stays !== "delta base" && names?.has(delta_base ?? "") !== true;
      }),
    );
    if (items.size === version.items.size) return version;
    isChanged = true;
    return { ...version, items };
  });
  return { listing: isChanged ? left : listing, isChanged };
}
