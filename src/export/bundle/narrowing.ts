import { type FingerprintedImage, fingerprintsOf } from "../../simplestreams/fingerprint.ts";
import { roleOf } from "../../simplestreams/ftypes.ts";
import type { Version } from "../../simplestreams/products.ts";
import { isRelativePath } from "../../simplestreams/relative-path.ts";
import { type ItemPlace, type Selection, selectedFields } from "../../simplestreams/selection.ts";
import type { StreamRecord } from "../../store/generation.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { readStreamState } from "../../store/stream-state.ts";

/** What is wanted in a bundle; what is left out does not narrow it. */
export interface Choice {
  /** Image streams, by name. */
  readonly streams?: readonly string[] | undefined;
  /** An item comes when one of them selects it. */
  readonly selections?: readonly Selection[] | undefined;
  /** Fingerprints. */
  readonly images?: ReadonlySet<string> | undefined;
}

/** Which items of an image stream are wanted and can be had. */
export async function narrowingOf(
  store: Store,
  record: StreamRecord,
  { selections, images }: Choice,
): Promise<{ readonly isWanted: (place: ItemPlace) => boolean; readonly notHeld: ReadonlySet<Sha256> }> {
  const { held, distrusted = [] } = await readStreamState(store, record);
  const here = held === undefined ? undefined : new Set(held);
  const wrong = new Set(distrusted.map(({ fingerprint }) => fingerprint));
  const ofImages = new WeakMap<Version, ReadonlySet<string>>();
  const notHeld = new Set<Sha256>();
  const isChosen = (place: ItemPlace): boolean => {
    const fields = selectedFields(place);
    if (selections?.some((selection) => selection(fields)) === false) return false;
    const keys = ofImages.get(place.version) ?? keysOf(place.version, { images, wrong });
    ofImages.set(place.version, keys);
    return keys.has(place.itemName);
  };
  const isWanted = (place: ItemPlace): boolean => {
    const { path, sha256 = "", size } = place.item;
    if (!isChosen(place)) return false;
    // What is no file, such as the identifier of an image in a cloud, needs nothing from us.
    if (path === undefined) return true;
    if (!isRelativePath(path) || !/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(size)) return false;
    if (here?.has(sha256) === false) notHeld.add(sha256);
    return here?.has(sha256) ?? true;
  };
  return { isWanted, notHeld };
}

/** The items of a version that belong to images which were asked for; all, when none was, but the roots of images whose bytes are wrong. */
function keysOf(
  { items }: Version,
  {
    images,
    wrong,
  }: { readonly images: ReadonlySet<string> | undefined; readonly wrong: ReadonlySet<string> },
): ReadonlySet<string> {
  const found = fingerprintsOf({ items });
  const isMeant = ({ fingerprint }: FingerprintedImage): boolean =>
    !wrong.has(fingerprint) && images?.has(fingerprint) !== false;
  const meant = found.filter(isMeant);
  if (images !== undefined && meant.length === 0) return new Set();
  const without = new Set(found.filter((image) => !isMeant(image)).flatMap(({ itemKeys }) => itemKeys));
  for (const { itemKeys } of meant) for (const key of itemKeys) without.delete(key);
  // Who asked for an image wants its files, and not what lies beside them for other programs.
  const keys = [...items].filter(([, { ftype }]) => images === undefined || roleOf(ftype) !== "other");
  return new Set(keys.map(([key]) => key).filter((key) => !without.has(key)));
}
