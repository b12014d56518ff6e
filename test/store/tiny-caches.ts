import { commit } from "../../src/store/commit.ts";
import type { Generation, Origin, StreamRecord, StreamState } from "../../src/store/generation.ts";
import type { Store } from "../../src/store/store.ts";
import { encodeStreamState } from "../../src/store/stream-state.ts";
import { hashOf } from "./tiny-images.ts";

/** An image stream whose items are short texts. */
export interface TinyStream {
  readonly name: string;
  readonly origin: Origin;
  readonly lists: readonly string[];
  /** Of a cache: texts that are here. */
  readonly holds?: readonly string[];
  readonly distrusted?: StreamState["distrusted"];
  /** Fields of every item besides its file's. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** Publishes exactly these image streams, with the bytes of what is to be here. */
export async function publishStreams(
  store: Store,
  streams: readonly TinyStream[],
  options: { readonly now?: () => number } = {},
): Promise<Generation> {
  const writer = await store.writer("test");
  try {
    const blobs = new Set<string>();
    const documents: Record<string, Generation["documents"][string]> = {};
    const records: StreamRecord[] = [];
    for (const stream of streams) {
      const path = `${stream.name}/streams/v1/images.json`;
      const document = await writer.put(Buffer.from(productsText(stream)));
      documents[path] = { ...document, encoding: "identity", type: "application/json" };
      for (const text of stream.holds ?? (stream.origin === "cache" ? [] : stream.lists)) {
        blobs.add((await writer.put(Buffer.from(text))).sha256);
      }
      const bytes = await encodeStreamState(stateOf(stream));
      const state = bytes === undefined ? undefined : await writer.put(bytes);
      if (state !== undefined) blobs.add(state.sha256);
      const upstream = { ...UPSTREAM, ...(state === undefined ? {} : { state }) };
      const { name, origin } = stream;
      records.push({
        name,
        origin,
        products: [path],
        hidden: [],
        ...(origin === "own" ? {} : { upstream }),
      });
    }
    const draft = { reason: { verb: "test", text: "" }, rules: 1, streams: records, documents, blobs };
    const published = await commit(store, writer, () => draft, options);
    if (published === undefined) throw new Error("nothing published");
    return published;
  } finally {
    await writer.close();
  }
}

const UPSTREAM = {
  url: "https://images.example.org/",
  isPublic: true,
  isVerbatim: true,
  aliasPrefix: "",
  twins: true,
  offline: false,
  fetchedAt: "2026-01-01T00:00:00.000Z",
};

function stateOf({ origin, holds = [], distrusted }: TinyStream): StreamState {
  return {
    ...(origin === "cache" ? { held: holds.map(hashOf) } : {}),
    ...(distrusted === undefined ? {} : { distrusted }),
  };
}

function productsText({ lists, fields = {} }: TinyStream): string {
  const items = Object.fromEntries(
    lists.map((text) => [
      text,
      { ftype: text, path: text, sha256: hashOf(text), size: text.length, ...fields },
    ]),
  );
  return JSON.stringify({ products: { p: { versions: { v: { items } } } } });
}
