import { encodeJsonBlob, readJsonBlob } from "./json-blob.ts";
import type { StreamRecord } from "./generation.ts";
import type { Store } from "./store.ts";

/** What no document says about a version: its past in this store. RFC 3339, UTC. */
export interface VersionDates {
  /** Since when it is listed here. */
  readonly appearedAt: string;
  /** Since when a newer version of its product is listed here; undefined for the newest. */
  readonly supersededAt?: string;
}

/** By product, then by version. */
export type Dates = ReadonlyMap<string, ReadonlyMap<string, VersionDates>>;

/** Empty for what was published before dates were written down. Throws BLOB_MISSING, BLOB_MISMATCH or DOCUMENT_INVALID. */
export async function readDates(store: Store, record: StreamRecord | undefined): Promise<Dates> {
  if (record?.dates === undefined) return new Map();
  const dates = new Map<string, ReadonlyMap<string, VersionDates>>();
  for (const [product, versions] of Object.entries((await readJsonBlob(store, record.dates)) ?? {})) {
    const entries = Object.entries(versions as Record<string, readonly [string, string?]>);
    dates.set(product, new Map(entries.map(([version, moments]) => [version, fromMoments(moments)])));
  }
  return dates;
}

function fromMoments([appearedAt, supersededAt]: readonly [string, string?]): VersionDates {
  return supersededAt === undefined ? { appearedAt } : { appearedAt, supersededAt };
}

/** The bytes of the blob; undefined when there is nothing to say. */
export async function encodeDates(dates: Dates): Promise<Uint8Array | undefined> {
  if (dates.size === 0) return undefined;
  const value: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [product, versions] of dates) {
    value[product] = Object.fromEntries(
      [...versions].map(([version, { appearedAt, supersededAt }]) => [
        version,
        supersededAt === undefined ? [appearedAt] : [appearedAt, supersededAt],
      ]),
    );
  }
  return encodeJsonBlob(value);
}
