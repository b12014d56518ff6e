import { HeadwaterError } from "../error.ts";
import { datesOf } from "../retention/dates.ts";
import type { Generation, StreamRecord } from "../store/generation.ts";
import type { Store, StoreWriter } from "../store/store.ts";
import { type Dates, encodeDates, readDates } from "../store/version-dates.ts";
import { type ImageStream, listingOf } from "../views/image-stream.ts";

/** Since when versions are listed. What the base says and cannot be read begins anew; a cache lists what its upstream does. */
export async function datesFor(
  stream: ImageStream,
  {
    store,
    writer,
    base,
    nowMs,
  }: {
    readonly store: Store;
    readonly writer: StoreWriter;
    readonly base: Generation | undefined;
    readonly nowMs: number;
  },
): Promise<Pick<StreamRecord, "dates">> {
  if (stream.origin === "cache") return {};
  const record = base?.streams.find(({ name }) => name === stream.name);
  const before = await readDates(store, record).catch((error: unknown): Dates => {
    if (error instanceof HeadwaterError) return new Map();
    throw error;
  });
  const dates = await encodeDates(datesOf(listingOf(stream), before, nowMs));
  return dates === undefined ? {} : { dates: await writer.put(dates) };
}
