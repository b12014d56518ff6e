// What signing adds to a publication: the same generation published again without a key, and with one of each kind, in turns.
// Usage: node bench/sign.mjs [--versions 4000] [--runs N] [--record]
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openOrMakeStore } from "../dist/compose.js";
import { publishAgain } from "../dist/publish/render-anew.js";
import { asMarkdown, record } from "./results.mjs";
import { median, spread } from "./statistics.mjs";
import { writeTree } from "./tree.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const WAYS = [
  { name: "no key" },
  { name: "Ed25519", key: ["key", "new"] },
  { name: "RSA 4096", key: ["key", "new", "--rsa"] },
];

const { values } = parseArgs({
  options: {
    versions: { type: "string", default: "4000" },
    runs: { type: "string", default: "9" },
    record: { type: "boolean", default: false },
  },
});
const count = Number(values.versions);

const folder = mkdtempSync(join(tmpdir(), "headwater-sign-"));
try {
  const ways = await prepare();
  for (let run = 0; run < Number(values.runs); run++) for (const way of ways) await publish(way);
  const plain = median(ways[0].cpu);
  const table = [
    ["", "seconds", "processor, s", "more than without, s"],
    ...ways.map(({ name, wall, cpu }) => [name, spread(wall), spread(cpu), (median(cpu) - plain).toFixed(2)]),
  ];
  process.stdout.write(`${asMarkdown(table).join("\n")}\n`);
  if (values.record) record({ title: `Signing a publication, ${count} versions`, versions: [], table });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** One store for each way, with the same images. */
async function prepare() {
  const tree = join(folder, "tree");
  const first = join(folder, "0");
  await writeTree(tree, count);
  headwater("add", tree, "--data", first, "--quiet");
  const ways = [];
  for (const [at, { name, key }] of WAYS.entries()) {
    const data = join(folder, String(at));
    if (at > 0) cpSync(first, data, { recursive: true });
    if (key !== undefined) headwater(...key, "--data", data, "--quiet");
    ways.push({
      name,
      wall: [],
      cpu: [],
      store: await openOrMakeStore(data, { passphrase: async () => undefined }),
    });
  }
  return ways;
}

async function publish({ store, wall, cpu }) {
  const [began, before] = [performance.now(), process.cpuUsage()];
  await publishAgain(store, { verb: "bench", text: "again" });
  const { user, system } = process.cpuUsage(before);
  wall.push((performance.now() - began) / 1000);
  cpu.push((user + system) / 1e6);
}

function headwater(...args) {
  const { status, stderr } = spawnSync(process.execPath, [HEADWATER, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`headwater ${args.join(" ")}: ${stderr}`);
}
