// How long `headwater pull` of one large image from a local Incus takes, against what anybody would do by hand: incus image export,
// openssl dgst, sync -f. Needs root and both daemons installed, as the tests with real clients do.
// Usage: node bench/pull.mjs [--size MiB] [--pairs N] [--only split,unified] [--record]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMetadata, writeSquashfs, writeUnified } from "./image-files.mjs";
import { startIncus } from "./incus-daemon.mjs";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGET = 1.2;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1024" },
    pairs: { type: "string", default: "9" },
    only: { type: "string", default: "split,unified" },
    record: { type: "boolean", default: false },
  },
});

const kinds = values.only.split(",");
const table = [["", "seconds", "ratio", "CPU seconds", "peak MiB"]];
const daemon = await startIncus();
// Beside the folder of the daemon, on the same disk.
const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"));
try {
  for (const kind of kinds) {
    const fingerprint = await importImage(kind);
    byHand(fingerprint);
    pull(fingerprint);
    const pairs = Array.from({ length: Number(values.pairs) }, (_, index) => {
      // Whoever goes second finds other caches: they take turns.
      const results = {};
      for (const who of index % 2 === 0 ? ["hand", "own"] : ["own", "hand"])
        results[who] = who === "hand" ? byHand(fingerprint) : pull(fingerprint);
      return { ...results, ratio: results.own.seconds / results.hand.seconds };
    });
    table.push(...rowsOf(kind, pairs));
    daemon.incus("image", "delete", fingerprint);
  }
  report(daemon.incus("version"));
} finally {
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Gives the daemon an image of random bytes, and returns its fingerprint. */
async function importImage(kind) {
  const source = join(folder, "source");
  mkdirSync(source);
  const size = Number(values.size) * 2 ** 20;
  const files = [];
  if (kind === "unified") {
    files.push(await writeUnified(source, { os: "Bench", release: "1", salt: kind, size }));
  } else {
    files.push(writeMetadata(source, { os: "Bench", release: "1", salt: kind }));
    files.push(join(source, "root.squashfs"));
    await writeSquashfs(files[1], size);
  }
  daemon.incus("image", "import", ...files, "--alias", kind, "--quiet");
  rmSync(source, { recursive: true });
  const images = JSON.parse(daemon.incus("image", "list", "--format", "json"));
  return images.find(({ aliases }) => aliases.some(({ name }) => name === kind)).fingerprint;
}

function byHand(fingerprint) {
  const copy = join(folder, "copy");
  mkdirSync(copy);
  const seconds = timed(() => {
    daemon.incus("image", "export", fingerprint, join(copy, "image"), "--quiet");
    // Metadata and root of a split image are two files.
    const files = readdirSync(copy).map((name) => join(copy, name));
    execFileSync("openssl", ["dgst", "-sha256", ...files]);
    execFileSync("sync", ["-f", ...files]);
  });
  rmSync(copy, { recursive: true });
  execFileSync("sync", ["-f", folder]);
  return { seconds };
}

function pull(fingerprint) {
  const data = join(folder, "data");
  const own = [process.execPath, HEADWATER, "pull", "incus:", fingerprint, "--data", data];
  let run;
  const seconds = timed(() => {
    run = spawnSync("/usr/bin/env", ["time", "-f", "%M %U %S", ...own], {
      env: daemon.env,
      encoding: "utf8",
    });
  });
  if (run.status !== 0) throw new Error(`headwater pull failed: ${run.stdout} ${run.stderr}`);
  const [peak, user, system] = run.stderr.trim().split("\n").at(-1).split(" ").map(Number);
  rmSync(data, { recursive: true });
  execFileSync("sync", ["-f", folder]);
  return { seconds, peak: peak / 1024, processor: user + system };
}

function timed(work) {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

function rowsOf(kind, pairs) {
  const ratios = pairs.map((pair) => pair.ratio);
  const own = (what, digits) =>
    spread(
      pairs.map((pair) => pair.own[what]),
      digits,
    );
  return [
    [
      `${kind}: incus image export, openssl dgst, sync -f`,
      spread(pairs.map((pair) => pair.hand.seconds)),
      "1.00",
      "",
      "",
    ],
    [
      `${kind}: headwater pull`,
      own("seconds"),
      `**${spread(ratios)}** (at most ${TARGET}: ${median(ratios) <= TARGET ? "met" : "missed"})`,
      own("processor"),
      own("peak", 0),
    ],
  ];
}

function report(version) {
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const openssl = execFileSync("openssl", ["version"], { encoding: "utf8" }).trim();
  const incus = /^Server version: (.*)$/m.exec(version)?.[1] ?? "of an unknown version";
  record({
    title: `Pull of a ${values.size} MiB image, ${values.pairs} pairs`,
    versions: [`Incus ${incus}`, openssl],
    notes: [
      "A local daemon, over its socket; random bytes; a new store for each pull. CPU and memory are those of headwater alone",
    ],
    table,
  });
}
