import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Compiles the C client (gcc and libssl-dev); without them a Node client takes over, which then is the bottleneck. */
export async function prepareClient(folder) {
  const source = join(import.meta.dirname, "load-client.c");
  const program = join(folder, "load-client");
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs)
    return { program, kind: "C" };
  try {
    await run("gcc", ["-O2", "-o", program, source, "-lssl", "-lcrypto", "-lpthread"]);
    return { program, kind: "C" };
  } catch (error) {
    console.error(
      `No C client (${error.message.split("\n")[0]}); the Node client is slower than what it measures.`,
    );
    return {
      program: process.execPath,
      arguments: [join(import.meta.dirname, "load-client.mjs")],
      kind: "Node",
    };
  }
}

/** One measurement. Resolves with bytes or requests per second, and slowest / fastest client. */
export async function measure(client, { mode, tls, port, path, clients, seconds, bytes, encoding }) {
  const where = [tls ? "tls" : "plain", "127.0.0.1", port, path];
  const words = [mode, ...where, clients, seconds, bytes ?? 0, encoding ?? "gzip"].map(String);
  const { stdout } = await run(client.program, [...(client.arguments ?? []), ...words], {
    maxBuffer: 1 << 20,
  });
  const result = JSON.parse(stdout);
  if (result.failures > 0)
    throw new Error(`${result.failures} requests failed on port ${port}: ${words.join(" ")}`);
  const done = mode === "stream" ? result.bytes : result.requests;
  if (done === 0) throw new Error(`nothing came from port ${port}: ${words.join(" ")}`);
  return { done, perSecond: done / result.seconds, fairness: result.slowest / result.fastest };
}
