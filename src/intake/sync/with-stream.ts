import { publish } from "../../publish/publish.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store } from "../../store/store.ts";
import type { ImageStream } from "../../views/image-stream.ts";

/** The image streams with one put in or replaced: what is made here first, then the upstreams in the configured order, then the others. */
export function withStream(
  current: readonly ImageStream[],
  stream: ImageStream,
  order: readonly string[],
): readonly ImageStream[] {
  const place = ({ name, origin }: ImageStream): number => {
    if (origin === "own") return -1;
    const at = order.indexOf(name);
    return at === -1 ? order.length : at;
  };
  return [...current.filter(({ name }) => name !== stream.name), stream].sort(
    (one, other) => place(one) - place(other),
  );
}

/** Publishes without an upstream's image stream. Undefined when there is none of that name. */
export async function removeUpstream(store: Store, name: string): Promise<Generation | undefined> {
  const writer = await store.writer("remove-upstream");
  try {
    return await publish(store, writer, (current) => {
      const streams = current.filter((stream) => stream.name !== name || stream.origin === "own");
      if (streams.length === current.length) return undefined;
      return { reason: { verb: "upstream", text: `${name} removed` }, streams };
    });
  } finally {
    await writer.close();
  }
}
