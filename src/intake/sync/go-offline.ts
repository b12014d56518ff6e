import { HeadwaterError } from "../../error.ts";
import { publish } from "../../publish/publish.ts";
import type { Store } from "../../store/store.ts";
import { isSame } from "./same-stream.ts";
import type { StreamPolicy } from "./stream-policy.ts";
import { withStream } from "./with-stream.ts";

/**
 * Nobody is asked; what is here is rendered as the operator wants it now. Resolves with the generation made, if any. Throws USAGE when
 * nothing of the upstream is here yet.
 */
export async function goOffline(
  { name, aliasPrefix, twins }: StreamPolicy,
  {
    store,
    order,
    dryRun,
  }: { readonly store: Store; readonly order: readonly string[]; readonly dryRun: boolean },
): Promise<number | undefined> {
  const writer = await store.writer(`sync-${name}`);
  try {
    const generation = await publish(store, writer, (current) => {
      const now = current.find((stream) => stream.name === name);
      if (now?.upstream === undefined) throw nothingHere(name);
      const wanted = { ...now.upstream.record, offline: true, aliasPrefix, twins };
      const stream = { ...now, upstream: { ...now.upstream, record: wanted } };
      if (dryRun || isSame(stream, now)) return undefined;
      return {
        reason: { verb: "sync", text: `${name}: offline` },
        streams: withStream(current, stream, order),
      };
    });
    return generation?.number;
  } finally {
    await writer.close();
  }
}

function nothingHere(name: string): HeadwaterError {
  return new HeadwaterError("USAGE", `${name} is offline and nothing of it is here yet.`, {
    hint: `Sync it once without offline: headwater upstream set ${name} --no-offline`,
  });
}
