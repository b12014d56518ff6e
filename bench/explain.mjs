// How long `headwater explain` takes for a tree of 24,000 items in a folder, and `imagesOf` alone.
// Usage: node bench/explain.mjs [--products N] [--runs N] [--record]
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { clientProfile, imagesOf, parseProducts } from "../dist/simplestreams/index.js";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
/** What the project promises for 1000 products: seconds, MB, milliseconds. */
const TARGETS = { explain: 1.5, memory: 300, imagesOf: 200 };

const { values } = parseArgs({
  options: {
    products: { type: "string", default: "1000" },
    runs: { type: "string", default: "9" },
    record: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), "headwater-explain-"));
try {
  measure(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function measure(tree) {
  const text = writeTree(tree, Number(values.products));
  const whole = { explain: [], verify: [] };
  const bare = { parse: [], images: [] };
  const rival = ["/usr/bin/incus-simplestreams", "/usr/local/bin/incus-simplestreams"].find(existsSync);
  for (let run = 0; run < runs; run++) {
    whole.explain.push(timed([process.execPath, HEADWATER, "explain", tree], tree));
    if (rival !== undefined) whole.verify.push(timed([rival, "list"], tree));
    bare.parse.push(milliseconds(() => JSON.parse(text)));
    const products = parseProducts(text);
    bare.images.push(milliseconds(() => imagesOf(products, clientProfile("incus"))));
  }
  const table = [["what", "seconds", "CPU seconds", "peak MB"], ...rowsOf(whole, rival), ...bareRows(bare)];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (!values.record) return;
  const notes = [
    `a products file of ${(text.length / 1e6).toFixed(1)} MB; files are there, and sparse. A new process for each run of a command`,
    `Load of the machine at the end: ${readFileSync("/proc/loadavg", "utf8").split(" ")[0]}`,
  ];
  record({ title: `Explain of ${values.products} products, ${runs} runs each`, versions: [], notes, table });
}

function rowsOf({ explain, verify }, rival) {
  const row = (name, of) => [
    name,
    spread(of.map(({ seconds }) => seconds)),
    spread(of.map(({ cpu }) => cpu)),
    spread(
      of.map(({ megabytes }) => megabytes),
      0,
    ),
  ];
  const seconds = median(explain.map((one) => one.seconds));
  const megabytes = Math.max(...explain.map((one) => one.megabytes));
  const word = seconds <= TARGETS.explain && megabytes <= TARGETS.memory ? "met" : "missed";
  const name = `headwater explain (below ${TARGETS.explain} s and ${TARGETS.memory} MB: ${word})`;
  return [row(name, explain), ...(rival === undefined ? [] : [row("incus-simplestreams list", verify)])];
}

function bareRows({ parse, images }) {
  const word = median(images) <= TARGETS.imagesOf ? "met" : "missed";
  const seconds = (all) =>
    spread(
      all.map((one) => one / 1000),
      3,
    );
  return [
    [`imagesOf for Incus (below ${TARGETS.imagesOf} ms: ${word})`, seconds(images), "", ""],
    ["JSON.parse alone", seconds(parse), "", ""],
  ];
}

/** One command in a process of its own, as GNU time saw it. */
function timed([program, ...words], cwd) {
  const report = join(cwd, "time.txt");
  const run = spawnSync("/usr/bin/time", ["-o", report, "-f", "%e %U %S %M", program, ...words], {
    cwd,
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0)
    throw new Error(`${program} ${words[0]} failed: ${run.stdout.slice(0, 2000)}${run.stderr}`);
  const [seconds, user, system, kibibytes] = readFileSync(report, "utf8")
    .trim()
    .split("\n")
    .at(-1)
    .split(" ")
    .map(Number);
  return { seconds, cpu: user + system, megabytes: (kibibytes * 1024) / 1e6 };
}

function milliseconds(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Each product has four versions of six items. Files have their sizes and no blocks. */
function writeTree(tree, count) {
  const products = {};
  for (let number = 0; number < count; number++) {
    const versions = {};
    for (let day = 1; day <= 4; day++) versions[`2026010${day}_0742`] = { items: itemsOf(number, day) };
    for (const { items } of Object.values(versions)) {
      for (const { path, size } of Object.values(items)) sparse(join(tree, path), size);
    }
    const names = { os: "Demo", release: String(number), release_title: String(number), variant: "default" };
    const aliases = `demo/${number},demo/${number}/default`;
    products[`demo:${number}:default:amd64`] = {
      aliases,
      arch: "amd64",
      ...names,
      requirements: {},
      versions,
    };
  }
  mkdirSync(join(tree, "streams/v1"), { recursive: true });
  const text = JSON.stringify({
    content_id: "images",
    datatype: "image-downloads",
    format: "products:1.0",
    products,
  });
  const path = "streams/v1/images.json";
  const entry = {
    datatype: "image-downloads",
    format: "products:1.0",
    path,
    products: Object.keys(products),
  };
  writeFileSync(join(tree, path), text);
  writeFileSync(
    join(tree, "streams/v1/index.json"),
    JSON.stringify({ format: "index:1.0", index: { images: entry } }),
  );
  return text;
}

function itemsOf(number, day) {
  const hash = (what) => createHash("sha256").update(`${what} ${number} ${day}`).digest("hex");
  const place = `images/${number}/${day}`;
  const item = (ftype, size, more = {}) => ({
    ftype,
    path: `${place}/${ftype}`,
    size,
    sha256: hash(ftype),
    ...more,
  });
  const combined = {
    combined_squashfs_sha256: hash("a"),
    combined_rootxz_sha256: hash("b"),
    "combined_disk-kvm-img_sha256": hash("c"),
  };
  const delta = { delta_base: `2026010${Math.max(1, day - 1)}_0742` };
  const items = [
    item("incus.tar.xz", 600, combined),
    item("lxd.tar.xz", 600, combined),
    item("squashfs", 100_000),
    item("root.tar.xz", 110_000),
    item("disk-kvm.img", 120_000),
    item("squashfs.vcdiff", 10_000, delta),
  ];
  return Object.fromEntries(items.map((one) => [one.ftype, one]));
}

function sparse(path, size) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  truncateSync(path, size);
}
