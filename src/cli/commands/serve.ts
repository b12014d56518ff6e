import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { repeatable } from "../repeatable.ts";
import { wholeNumber } from "../whole-number.ts";
import { NO_SIGN } from "../no-sign.ts";

interface ServeOptions extends GlobalOptions {
  readonly listen?: readonly string[];
  readonly url?: string;
  readonly plain?: string;
  readonly workers?: number;
  readonly name?: readonly string[];
  readonly metrics?: string;
}

export function serveCommand(program: Command, context: Context): void {
  const command = program
    .command("serve")
    .description("Serve the store to Incus and LXD until Ctrl-C, and print what to type on a client.")
    .option(
      "--listen <host:port>",
      "where to listen; http://HOST:PORT behind a TLS proxy (may repeat; else :8443)",
      repeatable,
    )
    .option("--url <url>", "the address clients use, when it is not this machine's name and port")
    .option("--plain <what>", "which image files go over plain HTTP: upstream, all or off")
    .option("--workers <number>", "processes that serve", wholeNumber)
    .option("--name <name>", "a name for the certificate when it is made (may repeat)", repeatable)
    .option("--metrics <host:port>", "where to serve metrics, or off")
    .option(...NO_SIGN)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<ServeOptions>();
      const { listen, url, plain, workers, name: names, metrics } = options;
      const { readSettings } = await import("../settings.ts");
      const { config } = await readSettings(context.io, options, {
        listen,
        url,
        plain,
        workers,
        names,
        metrics,
      });
      const { storeToFill } = await import("../open-store.ts");
      const { isWorker } = await import("../../server/workers.ts");
      const store = await storeToFill(context.io, isWorker() ? { ...options, quiet: true } : options);
      const { serveStore } = await import("../serve-store.ts");
      await serveStore(context, options, { store, config });
    });
  withHelp(command, {
    examples: [
      ["serve", "on port 8443, with a certificate of its own"],
      ["serve --listen :8444", "when this machine's own Incus or LXD has 8443"],
      ["serve --listen http://127.0.0.1:8080 --url https://images.example", "behind a TLS proxy"],
    ],
    statuses: [6, 8],
  });
}
