// Prune by a rule of retention: what planning and publishing cost, apart from moving and unlinking files.
// Usage: node bench/prune.mjs [--versions N] [--runs N] [--record]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { retain } from "../dist/curate/retain.js";
import { openDirectoryStore } from "../dist/store/directory/open.js";
import { prune } from "../dist/store/prune.js";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";
import { writeTree } from "./tree.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
/** Seconds that a prune of 10,000 versions may take besides unlinking. */
const TARGET = 3;
/** Of the versions of each product, as `writeTree` makes them, half stay. */
const KEPT = 5;

const { values } = parseArgs({
  options: {
    versions: { type: "string", default: "10000" },
    runs: { type: "string", default: "5" },
    record: { type: "boolean", default: false },
  },
});
const count = Number(values.versions);
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), "headwater-prune-"));
try {
  const whole = join(folder, "whole");
  await writeTree(join(folder, "tree"), count);
  headwater("add", join(folder, "tree"), "--data", whole, "--quiet");
  const found = { retain: [], prune: [], files: [], dry: [], user: [], gone: 0 };
  for (let run = 0; run < runs; run++) await measure(found, join(folder, `run-${run}`), whole);
  const besides = found.retain.map((seconds, at) => seconds + found.prune[at]);
  const verdict = median(besides) < TARGET ? "met" : "missed";
  const table = [
    ["what", "seconds"],
    ["rules, and the generation without what goes", spread(found.retain)],
    ["prune: what is named, and two generations", spread(found.prune)],
    [`both, besides moving and unlinking (below ${TARGET} s: ${verdict})`, spread(besides)],
    ["all of it, user CPU", spread(found.user)],
    [`moving and unlinking ${found.gone} files`, spread(found.files)],
    ["headwater prune --dry-run, whole process", spread(found.dry)],
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  const title = `Prune of ${count} versions, ${runs} runs`;
  const notes = [
    `\`versions: ${KEPT}\` of ten for each product, no grace, \`--free-now\`; each run on a copy of the store`,
    `Load of the machine at the end: ${loadavg()[0].toFixed(2)}`,
  ];
  if (values.record) record({ title, versions: [], notes, table });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(found, data, whole) {
  const copied = spawnSync("cp", ["-al", whole, data]);
  if (copied.status !== 0) throw new Error(`cp failed: ${copied.stderr}`);
  writeFileSync(join(data, "headwater.yaml"), `retention: {versions: ${KEPT}}\n`);
  found.dry.push(timed(() => headwater("prune", "--dry-run", "--quiet", "--data", data)));
  const files = { ms: 0 };
  const store = withTimedFiles(await openDirectoryStore(data), files);
  const policy = { general: { versions: KEPT }, streams: new Map(), products: [], text: "" };
  const { user } = process.cpuUsage();
  const start = performance.now();
  const { goes } = await retain(store, policy, { now: Date.now() });
  const between = performance.now();
  const report = await prune(store, { now: Date.now() + 1000, graceMs: 0, freeNow: true });
  found.retain.push((between - start) / 1000);
  found.prune.push((performance.now() - between - files.ms) / 1000);
  found.files.push(files.ms / 1000);
  found.user.push((process.cpuUsage().user - user) / 1e6);
  found.gone = report.deleted.blobs;
  if (goes.length === 0) throw new Error("nothing went");
  rmSync(data, { recursive: true });
}

/** The store, with the time that moving and unlinking take. Prune does one file after the other. */
function withTimedFiles(store, files) {
  const timedWork =
    (work) =>
    async (...args) => {
      const start = performance.now();
      try {
        return await work.apply(store, args);
      } finally {
        files.ms += performance.now() - start;
      }
    };
  return new Proxy(store, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return ["retire", "deleteRetired", "restore"].includes(name) ? timedWork(value) : value.bind(target);
    },
  });
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
