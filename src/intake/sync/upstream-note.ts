import type { Store } from "../../store/store.ts";
import { isObject } from "../../simplestreams/containers.ts";
import type { Validators } from "../../upstream/upstream.ts";

/** What is remembered of an upstream between syncs. All of it may be missing: then everything is asked for again. */
export interface UpstreamNote {
  /** By document path: how the upstream's answer is recognised. */
  readonly validators?: Readonly<Record<string, Validators>>;
  /** Whether the documents are all that the newest generation was made of: then `unchanged` answers mean that there is nothing to do. */
  readonly policy?: string;
  /** Date of the newest state seen, in milliseconds since 1970. */
  readonly newestMs?: number;
  /** Since when the upstream shows an older state than that. RFC 3339. */
  readonly olderSince?: string;
  /** RFC 3339. */
  readonly lastSuccess?: string;
  readonly lastError?: { readonly at: string; readonly since: string; readonly message: string };
  /** When a running server asks next. RFC 3339. */
  readonly nextSync?: string;
}

/** Never throws: a note that makes no sense is no note. */
export async function readUpstreamNote(store: Store, stream: string): Promise<UpstreamNote> {
  try {
    const value: unknown = JSON.parse((await store.readNote(`upstreams/${stream}`)) ?? "{}");
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

export async function writeUpstreamNote(store: Store, stream: string, note: UpstreamNote): Promise<void> {
  await store.writeNote(`upstreams/${stream}`, JSON.stringify(note));
}
