/** Everything a command may touch of the process around it, so that tests can hand in their own. */
export interface Io {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Bytes that come through a pipe; undefined when a person is there. */
  readonly input?: AsyncIterable<Uint8Array> | undefined;
  /** Writes bytes into a pipe; undefined when a person is there. */
  readonly output?: ((bytes: Uint8Array) => Promise<void>) | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths on the command line are relative to. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly home: string;
  readonly isRoot: boolean;
  /** Asks the person at the terminal and resolves with the line; undefined when there is nobody to ask. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** Aborted by Ctrl-C or SIGTERM. `reason` is the name of the signal. */
  readonly signal: AbortSignal;
}

export interface TextSink {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
}
