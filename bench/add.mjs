// How long `headwater add` of a large root takes, against what anybody would do by hand: openssl dgst, cp, sync -f.
// Usage: node bench/add.mjs [--size MiB] [--pairs N] [--record]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMetadata, writeSquashfs } from "./image-files.mjs";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGET = 1.3;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "2048" },
    pairs: { type: "string", default: "9" },
    record: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"));
try {
  const metadata = writeMetadata(folder, { os: "Bench", release: "1", salt: "add" });
  const root = join(folder, "root.squashfs");
  await writeSquashfs(root, Number(values.size) * 1024 * 1024);
  byHand(root);
  add(metadata, root);
  const pairs = Array.from({ length: Number(values.pairs) }, () => {
    const hand = byHand(root);
    const own = add(metadata, root);
    return { hand, own, ratio: own.seconds / hand.seconds };
  });
  report(pairs);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function byHand(root) {
  const copy = join(folder, "copy");
  const seconds = timed(() => {
    execFileSync("openssl", ["dgst", "-sha256", root]);
    execFileSync("cp", [root, copy]);
    execFileSync("sync", ["-f", copy]);
  });
  rmSync(copy);
  execFileSync("sync", ["-f", folder]);
  return { seconds };
}

function add(metadata, root) {
  const data = join(folder, "data");
  let peak = 0;
  const seconds = timed(() => {
    const run = spawnSync(
      "/usr/bin/env",
      ["time", "-f", "%M", process.execPath, HEADWATER, "add", metadata, root, "--data", data],
      {
        encoding: "utf8",
      },
    );
    if (run.status !== 0) throw new Error(`headwater add failed: ${run.stderr}`);
    peak = Number(run.stderr.trim().split("\n").at(-1)) / 1024;
  });
  rmSync(data, { recursive: true });
  execFileSync("sync", ["-f", folder]);
  return { seconds, peak };
}

function timed(work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

function report(pairs) {
  const ratio = median(pairs.map((pair) => pair.ratio));
  const table = [
    ["", "seconds", "ratio", "peak MiB"],
    ["openssl dgst, cp, sync -f", spread(pairs.map((pair) => pair.hand.seconds)), "1.00", ""],
    [
      "headwater add",
      spread(pairs.map((pair) => pair.own.seconds)),
      `**${spread(pairs.map((pair) => pair.ratio))}** (at most ${TARGET}: ${ratio <= TARGET ? "met" : "missed"})`,
      spread(
        pairs.map((pair) => pair.own.peak),
        0,
      ),
    ],
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (values.record) {
    const openssl = execFileSync("openssl", ["version"], { encoding: "utf8" }).trim();
    record({ title: `Add of a ${values.size} MiB root, ${pairs.length} pairs`, versions: [openssl], table });
  }
}
