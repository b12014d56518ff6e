import type { Generation } from "./generation.ts";
import { encodeJsonBlob, readJsonBlob } from "./json-blob.ts";
import type { Store } from "./store.ts";

/** What stays whatever rules, upstreams and evictions say, until somebody takes the pin away. */
export type Pin = PinFacts & (PinnedImage | PinnedVersion | PinnedAlias | PinnedGeneration);

interface PinFacts {
  /** When it was set: RFC 3339, UTC. */
  readonly pinnedAt: string;
  readonly note?: string;
}

export interface PinnedImage {
  readonly kind: "image";
  readonly fingerprint: string;
}

export interface VersionName {
  readonly stream: string;
  readonly product: string;
  readonly version: string;
}

export interface PinnedVersion extends VersionName {
  readonly kind: "version";
}

export interface PinnedAlias {
  readonly kind: "alias";
  readonly alias: string;
  /** Everything it led to since, and in the generations that were kept when it was pinned. Each publication adds to it. */
  readonly versions: readonly VersionName[];
}

export interface PinnedGeneration {
  readonly kind: "generation";
  readonly generation: number;
}

/** Throws BLOB_MISSING, BLOB_MISMATCH or DOCUMENT_INVALID. */
export async function readPins(
  store: Store,
  generation: Pick<Generation, "pins"> | undefined,
): Promise<readonly Pin[]> {
  if (generation?.pins === undefined) return [];
  const pins = (await readJsonBlob(store, generation.pins))?.["pins"];
  return Array.isArray(pins) ? (pins as Pin[]) : [];
}

/** The bytes of the blob; undefined when there are none. */
export async function encodePins(pins: readonly Pin[]): Promise<Uint8Array | undefined> {
  return pins.length === 0 ? undefined : encodeJsonBlob({ pins });
}

/** The generations that pins keep complete. */
export function pinnedGenerations(pins: readonly Pin[]): ReadonlySet<number> {
  return new Set(pins.flatMap((pin) => (pin.kind === "generation" ? [pin.generation] : [])));
}

/** As a person names what is pinned; an alias has its own option on command lines. */
export function pinName(pin: Pin): string {
  if (pin.kind === "image") return pin.fingerprint.slice(0, 12);
  if (pin.kind === "version") return `${pin.product}@${pin.version}`;
  return pin.kind === "alias" ? pin.alias : `@${pin.generation}`;
}

/** Whether both are on the same thing. */
export function isSamePin(one: Pin, other: Pin): boolean {
  if (one.kind === "image") return other.kind === "image" && one.fingerprint === other.fingerprint;
  if (one.kind === "alias") return other.kind === "alias" && one.alias === other.alias;
  if (one.kind === "generation") return other.kind === "generation" && one.generation === other.generation;
  const isSameName =
    other.kind === "version" && one.product === other.product && one.version === other.version;
  return isSameName && one.stream === other.stream;
}
