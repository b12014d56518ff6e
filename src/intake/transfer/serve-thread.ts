import type { MessagePort } from "node:worker_threads";
import { HeadwaterError } from "../../error.ts";
import type { Store, StoreWriter } from "../../store/store.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { type FromThread, failureOf, type ToThread } from "./messages.ts";
import { transferItem } from "./transfer-item.ts";
import type { TransferEvents, TransferJob } from "./transfer.ts";

export interface ThreadParts {
  readonly port: MessagePort;
  readonly store: Store;
  /** Undefined when the writer is gone. */
  readonly writer: StoreWriter | undefined;
  readonly upstream: Upstream;
}

/** The inside of a thread: transfers what it is told to, until it is told to close. */
export function serveThread({ port, store, writer, upstream }: ThreadParts): void {
  const running = new Map<number, AbortController>();
  const send = (message: FromThread): void => port.postMessage(message, []);
  const transfer = async (id: number, job: TransferJob): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      if (writer === undefined) throw writerGone(store);
      const events = eventsTo(send, id);
      const result = await transferItem({ store, writer, upstream, job, events, signal: controller.signal });
      send({ kind: "done", id, result });
    } catch (error) {
      send({ kind: "failed", id, error: failureOf(error) });
    } finally {
      running.delete(id);
    }
  };
  port.on("message", (message: ToThread) => {
    if (message.kind === "transfer") void transfer(message.id, message.job);
    else if (message.kind === "abort") running.get(message.id)?.abort(new Error("stopped"));
    else {
      for (const controller of running.values()) controller.abort(new Error("stopped"));
      void upstream.close().then(() => port.close());
    }
  });
}

function eventsTo(send: (message: FromThread) => void, id: number): TransferEvents {
  return {
    onBegin: (location) => send({ kind: "begin", id, location }),
    onProgress: (written) => send({ kind: "progress", id, written }),
    onVerified: () => send({ kind: "verified", id }),
  };
}

function writerGone(store: Store): HeadwaterError {
  return new HeadwaterError(
    "BLOB_MISSING",
    `The folder for new files in ${store.name} was removed during the download.`,
    {
      hint: "Run the command again.",
    },
  );
}
