import { run } from "../../src/cli/run.ts";
import { type FakeIo, fakeIo } from "./fake-io.ts";

export interface Started {
  readonly io: FakeIo;
  /** Resolves to the exit status. */
  stop(): Promise<number>;
}

/** Starts a command that serves, and waits until it has printed what it has to. */
export async function startCommand(
  argv: readonly string[],
  { folder, env = {} }: { readonly folder: string; readonly env?: Record<string, string> },
): Promise<Started> {
  const controller = new AbortController();
  const io = fakeIo({ signal: controller.signal, cwd: folder, env, home: folder });
  const ended = run(argv, io);
  while (io.stdoutText() === "") {
    const status = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10, "running"))]);
    if (status !== "running")
      throw new Error(`${argv.join(" ")} ended with ${String(status)}: ${io.stderrText()}`);
  }
  return {
    io,
    stop: () => {
      controller.abort("SIGINT");
      return ended;
    },
  };
}
