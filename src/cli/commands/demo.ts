import type { Command } from "commander";
import type { Context, GlobalOptions } from "../context.ts";
import { withHelp } from "../help.ts";
import { repeatable } from "../repeatable.ts";

interface DemoOptions extends GlobalOptions {
  readonly listen?: readonly string[];
}

export function demoCommand(program: Command, context: Context): void {
  const command = program
    .command("demo")
    .description("Serve a small sample image from a store of its own, and print how to launch it.")
    .option("--listen <host:port>", "where to listen (may repeat; else 127.0.0.1:8443)", repeatable)
    .action(async (_options: unknown, self: Command) => {
      const options = self.optsWithGlobals<DemoOptions>();
      const { serveDemo } = await import("../serve-demo.ts");
      await serveDemo(context, options, options.listen ?? ["127.0.0.1:8443"]);
    });
  withHelp(command, {
    examples: [
      ["demo", "on https://localhost:8443, for clients on this machine"],
      ["demo --listen :8444", "for other machines too, on another port"],
    ],
    statuses: [6, 8],
  });
}
