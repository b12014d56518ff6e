import type { Logger } from "../server/logger.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { visible, visibleSource } from "./visible.ts";

/** What a server tells on stderr: lines for a person at a terminal, JSON for everything else. */
export async function createLogger(io: Io, options: GlobalOptions): Promise<Logger> {
  if (io.stderr.isTTY && options.json !== true) return terminalLogger(io, options.quiet === true);
  const { pino } = await import("pino");
  const lines = pino({ base: null }, { write: (line: string) => io.stderr.write(visibleSource(line)) });
  return {
    info: (facts, message) => lines.info(facts, message),
    warn: (facts, message) => lines.warn(facts, message),
    error: (facts, message) => lines.error(facts, message),
  };
}

function terminalLogger(io: Io, isQuiet: boolean): Logger {
  const say = (level: string, facts: object, message: string): void => {
    const known = Object.entries(facts).map(([key, value]) => `${key}=${textOf(value)}`);
    const line = [level, message, ...known].filter((part) => part !== "").join("  ");
    io.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${visible(line)}\n`);
  };
  return {
    info: (facts, message) => (isQuiet ? undefined : say("", facts, message)),
    warn: (facts, message) => say("warning:", facts, message),
    error: (facts, message) => say("error:", facts, message),
  };
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === "string" ? value : JSON.stringify(value);
}
