// A cold cache: one large file, asked for by many clients within two seconds, against as many curls straight from the upstream.
// Usage: node bench/cache.mjs [--size MiB] [--clients N] [--pairs N] [--workers N] [--clear] [--record]
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asMarkdown, record } from "./results.mjs";
import { answering, running } from "./servers.mjs";
import { median, spread } from "./statistics.mjs";
import { makeTree, startUpstream } from "./upstream-site.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGET = 1.5;
const PORT = 18_123;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1024" },
    clients: { type: "string", default: "32" },
    pairs: { type: "string", default: "3" },
    workers: { type: "string", default: "1" },
    // As real clients do: over plain HTTP first. Otherwise over TLS, as from the upstream.
    clear: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"));
const root = join(folder, "tree");
const [path] = makeTree(root, { count: 1, bytes: Number(values.size) * 2 ** 20 });
const upstream = await startUpstream({ folder, root, tls: 18_121, plain: 18_122 });
try {
  await direct();
  const pairs = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const straight = await direct();
    const cached = await through();
    pairs.push({ straight, ...cached, ratio: cached.slowest / straight });
  }
  report(pairs);
} finally {
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Seconds that the slowest of all clients took. */
async function direct() {
  return Math.max(...(await ask(`${upstream.url}/${path}`)));
}

async function through() {
  const data = join(folder, "data");
  const words = [
    HEADWATER,
    "upstream",
    "add",
    upstream.url,
    "--name",
    "bench",
    "--ca",
    upstream.pem,
    "--data",
    data,
  ];
  const added = spawnSync(process.execPath, words, { encoding: "utf8" });
  if (added.status !== 0) throw new Error(added.stderr);
  upstream.forget();
  const serve = [
    "serve",
    "--listen",
    `127.0.0.1:${PORT}`,
    "--name",
    "localhost",
    "--workers",
    values.workers,
    "--data",
    data,
  ];
  const child = spawn(process.execPath, [HEADWATER, ...serve], { stdio: "ignore" });
  const server = running(child, {});
  try {
    await answering(PORT);
    // Metadata is fetched ahead meanwhile, as it would be long before.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    let memory = 0;
    const watch = setInterval(() => {
      memory = Math.max(memory, server.memory());
    }, 50);
    const times = await ask(`${values.clear ? "http" : "https"}://localhost:${PORT}/bench/${path}`);
    clearInterval(watch);
    const sent = upstream.requests().filter((request) => request.path === `/${path}`);
    const size = Number(values.size) * 2 ** 20;
    return {
      slowest: Math.max(...times),
      memory,
      sent: sent.reduce((sum, { bytes }) => sum + bytes, 0) / size,
    };
  } finally {
    await server.stop();
    rmSync(data, { recursive: true });
  }
}

/** As many clients as are wanted, starting over two seconds; seconds that each took. */
async function ask(url) {
  const count = Number(values.clients);
  const size = Number(values.size) * 2 ** 20;
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, (index / count) * 2000));
      const child = spawn("curl", [
        "-sk",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{size_download} %{time_total}",
        url,
      ]);
      let text = "";
      child.stdout.on("data", (piece) => {
        text += piece;
      });
      await new Promise((resolve) => child.once("close", resolve));
      const [status, bytes, seconds] = text.split(" ").map(Number);
      if (status !== 200 || bytes !== size) throw new Error(`${url}: ${text}`);
      return seconds;
    }),
  );
}

function report(pairs) {
  const ratio = median(pairs.map((pair) => pair.ratio));
  const memory = Math.max(...pairs.map((pair) => pair.memory));
  const table = [
    ["", "slowest client, seconds", "ratio", "times that the upstream sent the file", "MB resident, at most"],
    [
      `${values.clients} curl, straight`,
      spread(pairs.map(({ straight }) => straight)),
      "1.00",
      values.clients,
      "",
    ],
    [
      `${values.clients} curl, cold cache`,
      spread(pairs.map(({ slowest }) => slowest)),
      `**${spread(pairs.map((pair) => pair.ratio))}** (at most ${TARGET}: ${ratio <= TARGET ? "met" : "missed"})`,
      spread(pairs.map(({ sent }) => sent)),
      `${memory.toFixed(0)} (below 200: ${memory < 200 ? "met" : "missed"})`,
    ],
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const how = values.clear ? "clients over plain HTTP, as real ones ask first" : "clients over TLS";
  const curl = execFileSync("curl", ["--version"], { encoding: "utf8" }).split(" ").slice(0, 2).join(" ");
  const title = `Cold cache: ${values.clients} clients of a file of ${values.size} MiB`;
  record({
    title,
    versions: [curl, "upstream nginx over TLS on loopback"],
    notes: [how, `${pairs.length} pairs, --workers ${values.workers}`],
    table,
  });
}
