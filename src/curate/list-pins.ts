import { readStreams } from "../publish/read-streams.ts";
import { Pinned, pinnedVersions } from "../retention/pinned.ts";
import type { Generation } from "../store/generation.ts";
import { contains } from "../store/keeps.ts";
import { type Pin, pinName, readPins, type VersionName } from "../store/pins.ts";
import type { Store } from "../store/store.ts";
import type { ImageStream } from "../views/image-stream.ts";

/** One pin as `headwater pins` shows it. */
export interface PinRow {
  readonly kind: Pin["kind"];
  /** As a person names it; `unpin` takes it. */
  readonly pin: string;
  readonly fingerprint: string | null;
  readonly alias: string | null;
  readonly generation: number | null;
  /** The listed versions that it keeps. */
  readonly versions: readonly VersionName[];
  /** Whether there is something that it keeps. */
  readonly inUse: boolean;
  readonly note: string | null;
  readonly pinnedAt: string;
}

export async function listPins(store: Store): Promise<PinRow[]> {
  const newest = await store.newest();
  const pins = await readPins(store, newest);
  if (newest === undefined || pins.length === 0) return [];
  const streams = await readStreams(store, newest);
  return pins.map((pin) => rowOf(pin, newest, streams));
}

function rowOf(pin: Pin, newest: Generation, streams: readonly ImageStream[]): PinRow {
  const pinned = new Pinned([pin]);
  const versions = streams.flatMap((stream) => pinnedVersions(stream, pinned));
  const isKept =
    pin.kind === "generation" && (pin.generation === newest.number || contains(newest.keeps, pin.generation));
  return {
    kind: pin.kind,
    pin: pinName(pin),
    fingerprint: pin.kind === "image" ? pin.fingerprint : null,
    alias: pin.kind === "alias" ? pin.alias : null,
    generation: pin.kind === "generation" ? pin.generation : null,
    versions,
    inUse: versions.length > 0 || isKept,
    note: pin.note ?? null,
    pinnedAt: pin.pinnedAt,
  };
}
