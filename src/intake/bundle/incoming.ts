import type { BundleFile, BundleList, BundleStream } from "../../bundle/bundle-list.ts";
import { HeadwaterError } from "../../error.ts";
import { readUpstreamIndex } from "../../simplestreams/upstream-documents.ts";
import type { Fetched } from "../sync/fetched.ts";
import { isFileItem, type Listing, placesIn } from "../../simplestreams/listing.ts";
import { saysTheSame } from "../sync/own-root.ts";
import { readListing } from "../sync/read-listing.ts";
import { isLxcDocument } from "../../views/lxc-files.ts";

/** An image stream as a bundle has it. */
export interface Incoming {
  readonly stream: BundleStream;
  /** What of it can be listed. Empty when an earlier bundle brought it and nothing of it is left. */
  readonly listing: Listing;
  /** Its documents; undefined when it has none. */
  readonly fetched: Fetched | undefined;
  /** The documents list the same as `listing`, and can be passed on as they are. */
  readonly isSame: boolean;
}

const INDEX = "streams/v1/index.json";

/**
 * The image streams of a bundle, read as those of an upstream are: what a rule calls an error is left out. Throws BUNDLE_INVALID when its
 * documents list a file that its list does not have, and what reading documents throws.
 */
export function incomingOf(
  list: BundleList,
  documents: ReadonlyMap<string, Uint8Array>,
  place: string,
): readonly Incoming[] {
  const files = new Map(list.files.map((file) => [file.path, file]));
  return list.streams.map((stream) => {
    if (stream.products.length === 0)
      return { stream, listing: new Map(), fetched: undefined, isSame: false };
    const fetched = fetchedOf(stream, documents, place);
    const { listing } = readListing(fetched, `${place}: ${stream.name}`);
    assertInside(listing, stream, { files, place });
    return { stream, listing, fetched, isSame: saysTheSame(fetched, listing) };
  });
}

/** As if the image stream's own root had been fetched. */
function fetchedOf(
  { name, products }: BundleStream,
  documents: ReadonlyMap<string, Uint8Array>,
  place: string,
): Fetched {
  const prefix = `${name}/`;
  const own = [...documents].flatMap(([path, bytes]) =>
    path.startsWith(prefix) ? [[path.slice(prefix.length), bytes] as const] : [],
  );
  // What is for LXC is made here.
  const all = new Map(own.filter(([path]) => !isLxcDocument(path)));
  const index = all.get(INDEX);
  if (index === undefined) throw contradicts(place, `${prefix}${INDEX} is not in it`);
  const { entries } = readUpstreamIndex(index, { name: `${place}: ${prefix}${INDEX}` });
  const named = products.map((path) => path.slice(prefix.length));
  const texts = named.flatMap((path) => {
    const bytes = all.get(path);
    return bytes === undefined ? [] : [[path, bytes] as const];
  });
  if (texts.length < products.length) throw contradicts(place, `a products file of ${name} is not in it`);
  const nothing = { validators: {}, oddities: [], updatedMs: undefined };
  return { documents: all, indexPath: INDEX, entries, products: new Map(texts), ...nothing };
}

/** Whatever is listed has been promised with the same size and hash. */
function assertInside(
  listing: Listing,
  { name }: BundleStream,
  { files, place }: { readonly files: ReadonlyMap<string, BundleFile>; readonly place: string },
): void {
  for (const { item } of placesIn(listing)) {
    if (!isFileItem(item)) continue;
    const file = files.get(`${name}/${item.path}`);
    if (file?.sha256 === item.sha256 && file.size === item.size) continue;
    throw contradicts(place, `${name}/${item.path} is listed otherwise than its list says`);
  }
}

function contradicts(place: string, why: string): HeadwaterError {
  return new HeadwaterError("BUNDLE_INVALID", `${place} contradicts itself: ${why}.`, {
    hint: "Make the bundle again where it was made.",
    details: { path: place },
  });
}
