// How long a sync of a mirror takes, against what anybody would do by hand: curl with the same parallelism, openssl dgst, sync -f.
// Usage: node bench/mirror.mjs [--files N] [--size MB] [--parallel N] [--pairs N] [--record]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";
import { makeTree, startUpstream } from "./upstream-site.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGET = 1;

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "20" },
    size: { type: "string", default: "200" },
    parallel: { type: "string", default: "4" },
    pairs: { type: "string", default: "5" },
    record: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"));
const root = join(folder, "tree");
const roots = makeTree(root, { count: Number(values.files), bytes: Number(values.size) * 1e6 });
const upstream = await startUpstream({ folder, root, tls: 18_101, plain: 18_102 });
try {
  byHand();
  sync();
  const pairs = Array.from({ length: Number(values.pairs) }, (_, index) => {
    // Whoever goes second finds other caches: they take turns.
    const results = {};
    for (const who of index % 2 === 0 ? ["hand", "own"] : ["own", "hand"])
      results[who] = who === "hand" ? byHand() : sync();
    return { ...results, ratio: results.own.seconds / results.hand.seconds };
  });
  report(pairs);
} finally {
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}

function byHand() {
  const copy = join(folder, "copy");
  mkdirSync(copy);
  const config = join(folder, "curl.conf");
  writeFileSync(
    config,
    roots
      .map((path, index) => `url = "${upstream.url}/${path}"\noutput = "${join(copy, String(index))}"\n`)
      .join(""),
  );
  const files = roots.map((_, index) => join(copy, String(index)));
  const seconds = timed(() => {
    const flags = [
      "--silent",
      "--show-error",
      "--fail",
      "--parallel",
      "--parallel-max",
      values.parallel,
      "--cacert",
      upstream.pem,
    ];
    execFileSync("curl", [...flags, "--config", config]);
    execFileSync("openssl", ["dgst", "-sha256", ...files]);
    execFileSync("sync", ["-f", copy]);
  });
  rmSync(copy, { recursive: true });
  execFileSync("sync", ["-f", folder]);
  return { seconds };
}

function sync() {
  const data = join(folder, "data");
  const words = (...more) => ["time", "-f", "%M %U %S", process.execPath, HEADWATER, ...more, "--data", data];
  const flags = ["--mode", "mirror", "--ca", upstream.pem, "--parallel", values.parallel, "--no-check"];
  const added = spawnSync(
    "/usr/bin/env",
    words("upstream", "add", upstream.url, "--name", "bench", ...flags),
  );
  if (added.status !== 0) throw new Error(String(added.stderr));
  let run;
  const seconds = timed(() => {
    run = spawnSync("/usr/bin/env", words("sync"), { encoding: "utf8" });
  });
  if (run.status !== 0) throw new Error(`headwater sync failed: ${run.stdout} ${run.stderr}`);
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

function report(pairs) {
  const ratio = median(pairs.map((pair) => pair.ratio));
  const own = (what, digits) =>
    spread(
      pairs.map((pair) => pair.own[what]),
      digits,
    );
  const table = [
    ["", "seconds", "ratio", "CPU seconds", "peak MiB"],
    ["curl, openssl dgst, sync -f", spread(pairs.map((pair) => pair.hand.seconds)), "1.00", "", ""],
    [
      "headwater sync",
      own("seconds"),
      `**${spread(pairs.map((pair) => pair.ratio))}** (at most ${TARGET}: ${ratio <= TARGET ? "met" : "missed"})`,
      own("processor"),
      own("peak", 0),
    ],
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const curl = execFileSync("curl", ["--version"], { encoding: "utf8" }).split(" ").slice(0, 2).join(" ");
  const title = `Mirror of ${values.files} files of ${values.size} MB, ${values.parallel} at once, ${pairs.length} pairs`;
  record({ title, versions: [curl, "upstream nginx over TLS on loopback"], table });
}
