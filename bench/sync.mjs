// A sync with nothing new against an upstream of many versions: the whole process, as a person runs it.
// Usage: node bench/sync.mjs [--products N] [--each N] [--runs N] [--record]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";
import { makeLists, startUpstream } from "./upstream-site.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGET = { seconds: 2, megabytes: 300 };

const { values } = parseArgs({
  options: {
    products: { type: "string", default: "1000" },
    each: { type: "string", default: "10" },
    runs: { type: "string", default: "5" },
    record: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"));
const root = join(folder, "tree");
makeLists(root, { products: Number(values.products), each: Number(values.each) });
const upstream = await startUpstream({ folder, root, tls: 18_131, plain: 18_132 });
const data = join(folder, "data");
try {
  const first = run("upstream", "add", upstream.url, "--name", "bench", "--ca", upstream.pem);
  run("sync");
  const again = Array.from({ length: Number(values.runs) }, () => run("sync"));
  report(first, again);
} finally {
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}

function run(...words) {
  const start = performance.now();
  const all = ["time", "-f", "%M", process.execPath, HEADWATER, ...words, "--data", data];
  const { status, stderr } = spawnSync("/usr/bin/env", all, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return {
    seconds: (performance.now() - start) / 1000,
    megabytes: Number(stderr.trim().split("\n").at(-1)) / 1000,
  };
}

function report(first, again) {
  const row = (name, runs) => [
    name,
    spread(runs.map(({ seconds }) => seconds)),
    spread(
      runs.map(({ megabytes }) => megabytes),
      0,
    ),
  ];
  const isMet =
    median(again.map(({ seconds }) => seconds)) < TARGET.seconds &&
    Math.max(...again.map(({ megabytes }) => megabytes)) < TARGET.megabytes;
  const versions = Number(values.products) * Number(values.each);
  const table = [
    ["", "seconds", "MB resident, at most"],
    row("a cache is added", [first]),
    row(
      `a sync finds nothing new (below ${TARGET.seconds} s and ${TARGET.megabytes} MB: ${isMet ? "met" : "missed"})`,
      again,
    ),
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (values.record)
    record({
      title: `Sync of ${versions} versions, ${again.length} runs`,
      versions: ["upstream nginx over TLS on loopback"],
      table,
    });
}
