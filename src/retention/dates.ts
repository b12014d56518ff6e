import type { Listing } from "../simplestreams/listing.ts";
import type { Dates, VersionDates } from "../store/version-dates.ts";
import { newestFirst } from "./newest-first.ts";

/** The dates of what is listed now. What was listed before keeps its own; a version that is the newest again is superseded no more. */
export function datesOf(listing: Listing, before: Dates, nowMs: number): Dates {
  const now = new Date(nowMs).toISOString();
  const dates = new Map<string, ReadonlyMap<string, VersionDates>>();
  for (const [product, names] of versionsOf(listing)) {
    const known = before.get(product);
    const entries = newestFirst(names).map((name, at): [string, VersionDates] => {
      const appearedAt = known?.get(name)?.appearedAt ?? now;
      return [name, at === 0 ? { appearedAt } : supersededSince(known?.get(name), { appearedAt, now })];
    });
    dates.set(product, new Map(entries));
  }
  return dates;
}

function supersededSince(
  known: VersionDates | undefined,
  { appearedAt, now }: { readonly appearedAt: string; readonly now: string },
): VersionDates {
  return { appearedAt, supersededAt: known?.supersededAt ?? now };
}

function versionsOf(listing: Listing): ReadonlyMap<string, ReadonlySet<string>> {
  const all = new Map<string, Set<string>>();
  for (const { products } of listing.values()) {
    for (const [key, { versions }] of products) {
      const names = all.get(key) ?? new Set<string>();
      for (const name of versions.keys()) names.add(name);
      all.set(key, names);
    }
  }
  return all;
}
