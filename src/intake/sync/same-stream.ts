import type { ImageStream } from "../../views/image-stream.ts";

/** Whether publishing the one over the other would change anything that somebody could see. */
export function isSame(one: ImageStream, other: ImageStream): boolean {
  return viewOf(one) === viewOf(other);
}

function viewOf({ origin, upstream }: ImageStream): string {
  if (upstream === undefined) return origin;
  const { fetchedAt: _moment, ...record } = upstream.record;
  const { dropped = [], distrusted = [] } = upstream.state;
  const facts = Object.entries(record).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const documents = [...upstream.documents].map(([path, { sha256 }]) => `${path} ${sha256}`);
  return JSON.stringify([
    origin,
    facts.sort(),
    documents.sort(),
    dropped,
    distrusted,
    [...upstream.holds].sort(),
  ]);
}
