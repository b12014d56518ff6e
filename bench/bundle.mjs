// How fast a bundle is made and applied, against what anybody would do by hand: tar, openssl dgst, sync -f.
// Usage: node bench/bundle.mjs [--sizes 200,400,1000] [--pairs N] [--record]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMetadata, writeSquashfs } from "./image-files.mjs";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
/** Of the bytes per second by hand. */
const TARGET = 0.7;

const { values } = parseArgs({
  options: {
    /** Of the roots, in MB. */
    sizes: { type: "string", default: "200,400,1000" },
    pairs: { type: "string", default: "7" },
    record: { type: "boolean", default: false },
  },
});
const sizes = values.sizes.split(",").map(Number);

const folder = mkdtempSync(join(tmpdir(), "headwater-bundle-"));
const [data, tree, bundle, far] = ["data", "tree", "site.hwb", "far"].map((name) => join(folder, name));
try {
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure() {
  for (const [at, size] of sizes.entries()) await addImage(at, size * 1_000_000);
  headwater("bundle", "create", bundle, "--data", data, "--quiet");
  mkdirSync(tree);
  execFileSync("tar", ["xf", bundle, "-C", tree]);
  const bytes = statSync(bundle).size;
  round();
  const rounds = Array.from({ length: Number(values.pairs) }, round);
  const rows = ["create", "apply"].map((what) => {
    const hand = rounds.map((one) => bytes / 1e6 / one[what].hand);
    const own = rounds.map((one) => bytes / 1e6 / one[what].own.seconds);
    const ratios = own.map((rate, index) => rate / hand[index]);
    const verdict = `**${spread(ratios)}** (at least ${TARGET}: ${median(ratios) >= TARGET ? "met" : "missed"})`;
    const peak = rounds.map((one) => one[what].own.peak);
    const by = what === "create" ? "tar cf, openssl dgst, sync -f" : "tar xf, openssl dgst, sync -f";
    return [
      [by, spread(hand, 0), "1.00", ""],
      [`headwater bundle ${what}`, spread(own, 0), verdict, spread(peak, 0)],
    ];
  });
  const table = [["", "MB/s", "ratio", "peak MiB"], ...rows.flat()];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const openssl = execFileSync("openssl", ["version"], { encoding: "utf8" }).trim();
  const [tar] = execFileSync("tar", ["--version"], { encoding: "utf8" }).split("\n");
  const notes = [
    "whole processes, files in the page cache. Apply: into a new store, each file and each fingerprint checked, each file synced; by hand the sum of the archive alone",
  ];
  record({
    title: `Bundles of ${sizes.join(", ")} MB, ${rounds.length} pairs`,
    versions: [openssl, tar],
    notes,
    table,
  });
}

function round() {
  const create = { hand: createByHand(), own: createOurs() };
  const apply = { hand: applyByHand(), own: applyOurs() };
  return { create, apply };
}

function createByHand() {
  const archive = join(folder, "by-hand.tar");
  const seconds = timed(() => {
    execFileSync("tar", ["cf", archive, "-C", tree, "."]);
    execFileSync("openssl", ["dgst", "-sha256", archive]);
    execFileSync("sync", ["-f", archive]);
  });
  return away(archive, seconds);
}

function createOurs() {
  rmSync(bundle, { force: true });
  execFileSync("sync", ["-f", folder]);
  return headwater("bundle", "create", bundle, "--data", data, "--quiet");
}

function applyByHand() {
  const into = join(folder, "by-hand");
  mkdirSync(into);
  const seconds = timed(() => {
    execFileSync("tar", ["xf", bundle, "-C", into]);
    execFileSync("openssl", ["dgst", "-sha256", bundle]);
    execFileSync("sync", ["-f", into]);
  });
  return away(into, seconds);
}

function applyOurs() {
  const run = headwater("bundle", "apply", bundle, "--allow-untrusted", "--data", far, "--quiet");
  return away(far, run);
}

function away(path, result) {
  rmSync(path, { recursive: true });
  execFileSync("sync", ["-f", folder]);
  return result;
}

async function addImage(at, size) {
  const files = join(folder, `files-${at}`);
  mkdirSync(files);
  const metadata = writeMetadata(files, { os: `bench${at}`, release: "1", salt: `bundle-${at}` });
  const root = join(files, "root.squashfs");
  await writeSquashfs(root, size);
  headwater("add", metadata, root, "--data", data, "--quiet");
  rmSync(files, { recursive: true });
}

/** Seconds and peak memory of a whole process. */
function headwater(...words) {
  let peak = 0;
  const seconds = timed(() => {
    const command = ["time", "-f", "%M", process.execPath, HEADWATER, ...words];
    const run = spawnSync("/usr/bin/env", command, { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`headwater ${words[0]} failed: ${run.stderr}`);
    peak = Number(run.stderr.trim().split("\n").at(-1)) / 1024;
  });
  return { seconds, peak };
}

function timed(work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}
