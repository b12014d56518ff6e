// How commands grow with the store: 100, 1,000 and 10,000 versions.
// Usage: node bench/scale.mjs [--versions 100,1000,10000] [--runs N] [--record]
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMetadata, writeSquashfs } from "./image-files.mjs";
import { asMarkdown, record } from "./results.mjs";
import { spread, median } from "./statistics.mjs";
import { writeTree } from "./tree.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
/** What the project promises for 10,000 versions: seconds, and MiB for the memory of `serve`. */
const TARGETS = { add: 1.5, list: 1, ready: 2, memory: 250 };

const { values } = parseArgs({
  options: {
    versions: { type: "string", default: "100,1000,10000" },
    runs: { type: "string", default: "9" },
    record: { type: "boolean", default: false },
  },
});

const runs = Number(values.runs);
const table = [
  ["versions", "take the tree over, s", "add one more, s", "list, s", "serve ready, s", "serve memory, MiB"],
];
const misses = [];
for (const count of values.versions.split(",").map(Number)) {
  const folder = mkdtempSync(join(tmpdir(), "headwater-scale-"));
  try {
    table.push(await measure(folder, count));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
if (values.record) {
  const limits = `at 10,000: add at most ${TARGETS.add} s, list ${TARGETS.list} s, serve ready in ${TARGETS.ready} s, memory under ${TARGETS.memory} MiB`;
  const notes = [`Targets ${limits}: ${misses.length === 0 ? "all met" : `missed: ${misses.join(", ")}`}`];
  record({ title: `Growth of the store, ${runs} runs each`, versions: [], notes, table });
}

async function measure(folder, count) {
  const tree = join(folder, "tree");
  const data = join(folder, "data");
  await writeTree(tree, count);
  const importing = timed(() => headwater("add", tree, "--data", data, "--quiet"));
  const additions = [];
  for (let run = 0; run < runs; run++) {
    const salt = `run-${run}`;
    const metadata = writeMetadata(folder, { os: "added", release: "1", salt });
    const root = join(folder, `${salt}.squashfs`);
    await writeSquashfs(root, 65_536);
    additions.push(timed(() => headwater("add", metadata, root, "--data", data, "--quiet")));
  }
  const lists = Array.from({ length: runs }, () => timed(() => headwater("list", "--data", data, "--json")));
  const starts = [];
  for (let run = 0; run < runs; run++) starts.push(await startServer(data));
  const ready = starts.map((start) => start.seconds);
  const memory = starts.map((start) => start.memory);
  if (count === 10_000) note({ add: additions, list: lists, ready, memory });
  return [
    String(count),
    importing.toFixed(1),
    spread(additions),
    spread(lists),
    spread(ready),
    spread(memory, 0),
  ];
}

function note(figures) {
  for (const [name, target] of Object.entries(TARGETS)) {
    const figure = median(figures[name]);
    if (figure > target) misses.push(`${name} ${figure.toFixed(2)}`);
  }
}

function headwater(...words) {
  const run = spawnSync(process.execPath, [HEADWATER, ...words], { maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`headwater ${words[0]} failed: ${run.stderr}`);
}

function timed(work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Seconds from the start of the process to the first whole products file, and its resident memory a moment later. */
async function startServer(data) {
  const start = performance.now();
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const words = [HEADWATER, "serve", "--data", data, "--listen", `127.0.0.1:${port}`];
  const server = spawn(process.execPath, words, { stdio: "ignore" });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  try {
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 10));
    const seconds = (performance.now() - start) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
    return { seconds, memory: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024 };
  } finally {
    server.kill("SIGTERM");
    await ended;
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const options = {
      port,
      path: "/streams/v1/images.json",
      rejectUnauthorized: false,
      agent: false,
      headers: { "accept-encoding": "gzip" },
    };
    const asked = request(options, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode === 200));
    });
    asked.once("error", () => resolve(false));
    asked.end();
  });
}
