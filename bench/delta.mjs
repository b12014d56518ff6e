// How long `headwater delta` takes for a squashfs, against xdelta3 alone with the same flags, which neither checks nor lists what it made.
// Usage: node bench/delta.mjs [--size MB] [--pairs N] [--record]
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBlobFiles, openStore } from "../dist/compose.js";
import { makeDeltas } from "../dist/derive/deltas/make-deltas.js";
import { encodeArguments } from "../dist/derive/deltas/xdelta3.js";
import { writeMetadata } from "./image-files.mjs";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGET = 1.1;

const { values } = parseArgs({
  options: {
    /** Of each squashfs, MB. */
    size: { type: "string", default: "300" },
    pairs: { type: "string", default: "5" },
    record: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "headwater-delta-"));
try {
  const [before, after] = writeRoots(Number(values.size));
  const data = join(folder, "data");
  for (const [at, root] of [before, after].entries()) {
    const metadata = writeMetadata(folder, { os: "Bench", release: "1", salt: `delta-${at}` });
    headwater("add", metadata, root, "--version", `2026010${at + 1}_0000`, "--data", data, "--quiet");
  }
  bare(before, after);
  const pairs = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const alone = bare(before, after);
    const command = make(data);
    // The lists as they were, so that the next run has something to do.
    headwater("rollback", "2", "--data", data, "--quiet");
    const task = await makeInServer(data);
    headwater("rollback", "2", "--data", data, "--quiet");
    pairs.push({ alone, command, task });
  }
  report(pairs, statSync(after).size);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Two builds of a system: files that compress by a quarter, of which 6 % change. */
function writeRoots(megabytes) {
  const tree = join(folder, "tree");
  mkdirSync(tree);
  const files = Math.ceil(megabytes * 10);
  const write = (file) => writeFileSync(join(tree, `file-${file}`), randomBytes(100_000).toString("base64"));
  for (let file = 0; file < files; file++) write(file);
  const before = squashfs(tree, "before.squashfs");
  for (let file = 0; file < files; file += 17) write(file);
  const after = squashfs(tree, "after.squashfs");
  rmSync(tree, { recursive: true });
  return [before, after];
}

function squashfs(tree, name) {
  const file = join(folder, name);
  const compression = ["-comp", "zstd", "-Xcompression-level", "1"];
  execFileSync("mksquashfs", [tree, file, "-all-root", "-quiet", "-no-progress", ...compression]);
  return file;
}

/** As Headwater starts it, behind all other work, but into a file that nobody looks at. */
function bare(before, after) {
  const flags = encodeArguments(statSync(before).size).filter((flag) => flag !== "-c");
  const out = join(folder, "bare.vcdiff");
  const measured = timed(["nice", "-n", "19", "xdelta3", ...flags, "-f", "-s", before, after, out]);
  return { ...measured, bytes: statSync(out).size };
}

function make(data) {
  const measured = timed([process.execPath, HEADWATER, "delta", "--json", "--data", data]);
  const [made] = JSON.parse(measured.stdout).deltas;
  if (made.outcome !== "made") throw new Error(`no delta: ${measured.stdout}`);
  return { ...measured, bytes: made.size };
}

/** What the background task of a running server does, which has been started long before. */
async function makeInServer(data) {
  const store = await openStore(data);
  const start = performance.now();
  const [made] = await makeDeltas({ store, files: openBlobFiles(data), maxSize: 2 ** 31 });
  const seconds = (performance.now() - start) / 1000;
  if (made.outcome !== "made") throw new Error(`no delta: ${JSON.stringify(made)}`);
  return { seconds, bytes: made.size };
}

function timed(command) {
  const start = performance.now();
  const run = spawnSync("/usr/bin/env", ["time", "-f", "%M %U %S", ...command], { encoding: "utf8" });
  const seconds = (performance.now() - start) / 1000;
  if (run.status !== 0) throw new Error(`${command.join(" ")} failed: ${run.stderr}`);
  const [kib, user, system] = run.stderr.trim().split("\n").at(-1).split(" ").map(Number);
  return { seconds, stdout: run.stdout, peak: kib / 1024, cpu: user + system };
}

function headwater(...words) {
  const done = spawnSync(process.execPath, [HEADWATER, ...words]);
  if (done.status !== 0) throw new Error(`headwater ${words[0]} failed: ${done.stderr}`);
}

function report(pairs, size) {
  const row = (what, name, target) => {
    const runs = pairs.map((pair) => pair[name]);
    const ratios = pairs.map((pair) => pair[name].seconds / pair.alone.seconds);
    const verdict =
      target === undefined ? "" : ` (at most ${target}: ${median(ratios) <= target ? "met" : "missed"})`;
    const cpus = runs.flatMap(({ cpu }) => cpu ?? []);
    const peaks = runs.flatMap(({ peak }) => peak ?? []);
    return [
      what,
      spread(runs.map((run) => run.seconds)),
      name === "alone" ? "1.00" : `**${spread(ratios)}**${verdict}`,
      cpus.length === 0 ? "" : spread(cpus),
      peaks.length === 0 ? "" : spread(peaks, 0),
      `${((runs[0].bytes / size) * 100).toFixed(1)} %`,
    ];
  };
  const table = [
    ["", "seconds", "ratio", "CPU seconds", "peak MiB of the largest process", "delta"],
    row("xdelta3 alone", "alone"),
    row("in a running server: encoded, decoded again, listed", "task", TARGET),
    row("the command headwater delta, from its start", "command"),
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const program = /version (\S+),/.exec(String(spawnSync("xdelta3", ["-V"]).stderr))?.[1] ?? "";
  const notes = [
    `two squashfs of ${(size / 1e6).toFixed(0)} MB, 6 % of their files differ`,
    `load of the machine at the end: ${loadavg()[0].toFixed(2)}. Decoding runs beside encoding, on a core that has to be free for that`,
    "xdelta3 alone writes its file and neither syncs nor checks it; both at the lowest priority",
  ];
  record({
    title: `Delta of two squashfs of ${values.size} MB, ${values.pairs} pairs`,
    versions: [`xdelta3 ${program}`],
    notes,
    table,
  });
}
