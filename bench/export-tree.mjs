// Export of a tree with one new version, against rsync of the same change.
// Usage: node bench/export-tree.mjs [--versions 2000] [--size 100] [--runs N] [--record]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMetadata, writeSquashfs } from "./image-files.mjs";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";
import { writeTree } from "./tree.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
/** Seconds for one new version among 2,000. */
const TARGET = 3;

const { values } = parseArgs({
  options: {
    versions: { type: "string", default: "2000" },
    /** Of the new root, MB. */
    size: { type: "string", default: "100" },
    runs: { type: "string", default: "5" },
    record: { type: "boolean", default: false },
  },
});
const [versions, megabytes, runs] = [values.versions, values.size, values.runs].map(Number);
const newBytes = megabytes * 1_000_000;

const folder = mkdtempSync(join(tmpdir(), "headwater-export-"));
try {
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure() {
  const [tree, data, www, mirror] = ["tree", "data", "www", "mirror"].map((name) => join(folder, name));
  await writeTree(tree, versions);
  headwater("add", tree, "--data", data, "--quiet");
  rmSync(tree, { recursive: true });
  const first = seconds(() => headwater("export-tree", www, "--data", data, "--quiet"));
  rsync(www, mirror);
  const ours = { seconds: [], bytes: [] };
  const theirs = { seconds: [], bytes: [] };
  const nothing = [];
  for (let run = 0; run < runs; run++) {
    await addImage(data, run);
    const before = [inodes(www), inodes(mirror)];
    ours.seconds.push(
      seconds(() => headwater("export-tree", www, "--data", data, "--quiet", "--link", "copy")),
    );
    theirs.seconds.push(seconds(() => rsync(www, mirror)));
    ours.bytes.push(written(www, before[0]));
    theirs.bytes.push(written(mirror, before[1]));
    nothing.push(seconds(() => headwater("export-tree", www, "--data", data, "--quiet")));
  }
  const time = median(ours.seconds);
  const more = Math.max(...ours.bytes) - newBytes;
  const verdict = versions === 2000 ? ` (under ${TARGET} s: ${time < TARGET ? "met" : "missed"})` : "";
  const beside = theirs.seconds.map((other, at) => ours.seconds[at] / other);
  const table = [
    ["", "seconds", "MB written"],
    [`the first export of ${versions} versions`, first.toFixed(2), ""],
    [`one new version, ${megabytes} MB${verdict}`, spread(ours.seconds), spread(ours.bytes.map(mega), 1)],
    [
      "the same with rsync -a, which syncs nothing",
      spread(theirs.seconds),
      spread(theirs.bytes.map(mega), 1),
    ],
    ["nothing new", spread(nothing), "0.0"],
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const rsyncVersion = /version (\S+)/.exec(String(spawnSync("rsync", ["--version"]).stdout))?.[1] ?? "";
  const notes = [
    `besides the new files at most ${mega(more).toFixed(1)} MB were written: the lists, plain and compressed, and what is noted of the tree`,
    `ratio to rsync in one run: ${spread(beside)}; copies, since this file system has no reflinks`,
  ];
  const title = `Export of ${versions} versions with one new, ${runs} runs`;
  record({ title, versions: [`rsync ${rsyncVersion}`], notes, table });
}

async function addImage(data, run) {
  const files = join(folder, `run-${run}`);
  mkdirSync(files);
  const metadata = writeMetadata(files, { os: "added", release: String(run), salt: `run-${run}` });
  const root = join(files, "root.squashfs");
  await writeSquashfs(root, newBytes);
  headwater("add", metadata, root, "--data", data, "--quiet");
  rmSync(files, { recursive: true });
}

function rsync(from, to) {
  const done = spawnSync("rsync", ["-a", "--delete", `${from}/`, `${to}/`]);
  if (done.status !== 0) throw new Error(`rsync failed: ${done.stderr}`);
}

function headwater(...words) {
  const done = spawnSync(process.execPath, [HEADWATER, ...words], { maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`headwater ${words[0]} failed: ${done.stderr}`);
}

function seconds(work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Each file with what changes when it is written: a file that is replaced is another inode. */
function inodes(root) {
  return new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const { ino, mtimeNs } = statSync(path, { bigint: true });
        return [path, `${ino} ${mtimeNs}`];
      }),
  );
}

function written(root, before) {
  let bytes = 0;
  for (const [path, seen] of inodes(root)) if (before.get(path) !== seen) bytes += statSync(path).size;
  return bytes;
}

function mega(bytes) {
  return bytes / 1_000_000;
}
