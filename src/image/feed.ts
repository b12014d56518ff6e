/** What Node's, streamx's and readable-stream's writable streams have in common. */
interface Consumer {
  readonly destroyed: boolean;
  write(chunk: Uint8Array): boolean;
  end(last: null): void;
  destroy(cause?: Error): void;
  on(event: "drain" | "close" | "error", listener: () => void): unknown;
  removeListener(event: "drain" | "close" | "error", listener: () => void): unknown;
}

export interface Feed {
  /** Resolves when nothing more will be read from the source. Never rejects. */
  readonly settled: Promise<void>;
  /** Bytes handed over so far. */
  bytes(): number;
  /** Whether the source came to its own end. */
  ended(): boolean;
  /** What the source threw; the consumer is destroyed then. */
  failure(): unknown;
}

/**
 * Writes all bytes of `source` into `consumer`, no faster than that wants them, until either of the two ends. Node's own `pipeline`
 * is not used since it stops for ever between an async generator and a stream of another make, such as lzma-native's.
 */
export function feed(source: AsyncIterable<Uint8Array>, consumer: Consumer): Feed {
  let bytes = 0;
  let ended = false;
  let failed = false;
  let failure: unknown;
  consumer.on("error", () => {
    failed = true;
  });
  const over = (): boolean => failed || consumer.destroyed;
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of source) {
        if (over()) return;
        bytes += chunk.length;
        if (!consumer.write(chunk) && !over()) await drained(consumer);
      }
      ended = true;
      if (!over()) consumer.end(null);
    } catch (error) {
      failure = error;
      consumer.destroy(error instanceof Error ? error : new Error("the source failed", { cause: error }));
    }
  };
  return { settled: run(), bytes: () => bytes, ended: () => ended, failure: () => failure };
}

/** Waits until the consumer wants more, or nothing more. */
export async function drained(consumer: Pick<Consumer, "on" | "removeListener">): Promise<void> {
  await new Promise<void>((resolve) => {
    const events = ["drain", "close", "error"] as const;
    const done = (): void => {
      for (const event of events) consumer.removeListener(event, done);
      resolve();
    };
    for (const event of events) consumer.on(event, done);
  });
}
