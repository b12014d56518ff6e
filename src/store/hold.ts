import { commit } from "./commit.ts";
import { readDocument } from "./documents.ts";
import type { Generation, Reason, StreamRecord, StreamState } from "./generation.ts";
import { productsRecord } from "./items.ts";
import type { Sha256, Store, StoreWriter } from "./store.ts";
import { encodeStreamState, readStreamState } from "./stream-state.ts";

export interface HeldChange {
  /** Staged by the writer, or in the store. */
  readonly add?: Iterable<Sha256>;
  readonly remove?: Iterable<Sha256>;
}

/**
 * Publishes that a cache holds other items than before. Documents are the newest generation's own: nothing is rendered, however much is
 * listed. What the upstream has stopped listing meanwhile is not held. Undefined when nothing changes or the image stream is gone.
 */
export async function changeHeld(
  store: Store,
  writer: StoreWriter,
  {
    stream: name,
    reason,
    add = [],
    remove = [],
  }: HeldChange & { readonly stream: string; readonly reason: Reason },
): Promise<Generation | undefined> {
  const wanted = new Set(add);
  const unwanted = new Set(remove);
  return commit(
    store,
    writer,
    async (base) => {
      const record = base?.streams.find((stream) => stream.name === name);
      if (base === undefined || record?.upstream === undefined) return undefined;
      const state = await readStreamState(store, record);
      if (state.held === undefined) return undefined;
      const before = new Set(state.held);
      const fresh = [...wanted].filter((sha256) => !before.has(sha256));
      const added = await stillListed(store, base, { record, wanted: fresh });
      const held = [...before].filter((sha256) => !unwanted.has(sha256)).concat(added);
      if (added.length === 0 && held.length === before.size) return undefined;
      const changed = await withState(writer, record, { ...state, held });
      return {
        reason,
        rules: base.rules,
        streams: base.streams.map((stream) => (stream === record ? changed : stream)),
        documents: base.documents,
        blobs: {
          added: [
            ...added,
            ...(changed.upstream?.state === undefined ? [] : [changed.upstream.state.sha256]),
          ],
        },
      };
    },
    { freesSpace: wanted.size === 0 },
  );
}

/**
 * Looks for the hashes as text: parsing the lists of 10,000 versions takes longer than everything else here. A hash that stands there for
 * something else than an item's bytes is harmless: only what is listed is named.
 */
async function stillListed(
  store: Store,
  base: Generation,
  { record, wanted }: { readonly record: StreamRecord; readonly wanted: readonly Sha256[] },
): Promise<Sha256[]> {
  const listed = new Set<Sha256>();
  if (wanted.length === 0) return [];
  for (const path of record.products) {
    const text = Buffer.from(await readDocument(store, productsRecord(base, record, path)));
    for (const sha256 of wanted) if (text.includes(sha256, 0, "latin1")) listed.add(sha256);
  }
  return [...listed];
}

async function withState(
  writer: StoreWriter,
  record: StreamRecord,
  state: StreamState,
): Promise<StreamRecord> {
  if (record.upstream === undefined) return record;
  const { state: _before, ...upstream } = record.upstream;
  const bytes = await encodeStreamState(state);
  return {
    ...record,
    upstream: { ...upstream, ...(bytes === undefined ? {} : { state: await writer.put(bytes) }) },
  };
}
