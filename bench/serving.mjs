// Serving against nginx: bytes of one large item, and the products file in requests. Appends to RESULTS.md unless --dry is given.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { measure, prepareClient } from "./load.mjs";
import { asMarkdown, record } from "./results.mjs";
import { nginxVersion, startHeadwater, startNginx } from "./servers.mjs";
import { makeSite } from "./site.mjs";
import { median, spread } from "./statistics.mjs";

const { values } = parseArgs({
  options: {
    dist: { type: "string", default: join(import.meta.dirname, "..", "dist") },
    folder: { type: "string", default: "/tmp/headwater-bench" },
    pairs: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    clients: { type: "string", default: "1,8,64" },
    only: { type: "string", default: "plain,tls,workers,document" },
    mebibytes: { type: "string", default: "1024" },
    dry: { type: "boolean", default: false },
  },
});
const only = values.only.split(",");
const pairs = Number(values.pairs);
const seconds = Number(values.seconds);
const dist = resolve(values.dist);

/** What the project promises, by kind and number of clients. */
const TARGETS = new Map([
  ["plain 8", 1],
  ["tls 8", 1],
  ["workers 8", 1.3],
  ["document 8", 0.5],
]);

const client = await prepareClient("/tmp");
const site = await makeSite({ dist, folder: values.folder, bytes: Number(values.mebibytes) * 2 ** 20 });
const nginx = await startNginx({ folder: values.folder, ...site, tls: 18_001, plain: 18_002 });
const one = await startHeadwater({ dist, data: site.data, workers: 1, tls: 18_003, plain: 18_004 });
const two = await startHeadwater({ dist, data: site.data, workers: 2, tls: 18_005, plain: 18_006 });

const kinds = [
  { name: "plain", server: one, tls: false, mode: "stream" },
  { name: "tls", server: one, tls: true, mode: "stream" },
  { name: "workers", server: two, tls: true, mode: "stream" },
  { name: "document", server: one, tls: true, mode: "requests" },
];
const table = [
  [
    "what",
    "clients",
    "nginx",
    "Headwater",
    "ratio",
    "target",
    "slowest / fastest client (nginx)",
    "CPU s/GiB or us/request (nginx)",
    "MB resident",
  ],
];
try {
  for (const kind of kinds.filter(({ name }) => only.includes(name))) {
    const counts = kind.mode === "requests" ? [8] : values.clients.split(",").map(Number);
    for (const clients of counts) {
      const row = await compare(kind, clients);
      table.push(row);
      console.log(row.join("  "));
    }
  }
} finally {
  await Promise.all([nginx.stop(), one.stop(), two.stop()]);
}
if (!values.dry) {
  record({
    title: "Serving, against nginx",
    versions: [nginxVersion(), `${client.kind} client`],
    notes: [
      `${pairs} pairs in turns, ${seconds} s each, an item of ${values.mebibytes} MiB in the page cache, loopback`,
      "nginx: sendfile, two workers. Headwater: one process; workers: two (TLS). document: a products file of 1.7 MB, gzipped, TLS, a new connection for each request, against gzip_static",
    ],
    table,
  });
}
console.log(asMarkdown(table).join("\n"));

async function compare({ name, server, tls, mode }, clients) {
  const path = mode === "stream" ? site.itemPath : site.documentPath;
  const ask = (it) =>
    measure(client, {
      mode,
      tls,
      path,
      clients,
      seconds,
      bytes: site.documentBytes,
      port: tls ? it.tls : it.plain,
    });
  // A compiler that watches the program and caches of every kind: the first run of each is not counted.
  await ask(nginx);
  await ask(server);
  const ours = [];
  const theirs = [];
  let memory = 0;
  for (let pair = 0; pair < pairs; pair++) {
    // Whoever goes second finds other caches: they take turns.
    for (const it of pair % 2 === 0 ? [nginx, server] : [server, nginx]) {
      const before = it.processorSeconds();
      const result = await ask(it);
      result.cost = ((it.processorSeconds() - before) / result.done) * (mode === "stream" ? 2 ** 30 : 1e6);
      (it === server ? ours : theirs).push(result);
      if (it === server) memory = Math.max(memory, server.memory());
    }
  }
  const speed = (results) =>
    mode === "stream"
      ? `${Math.round(median(results.map(({ perSecond }) => perSecond)) / 1e6)} MB/s`
      : `${Math.round(median(results.map(({ perSecond }) => perSecond)))} req/s`;
  const ratios = ours.map(({ perSecond }, index) => perSecond / theirs[index].perSecond);
  const fairness = (results) => median(results.map((result) => result.fairness)).toFixed(2);
  const cost = (results) => median(results.map((result) => result.cost)).toFixed(mode === "stream" ? 2 : 0);
  const target = TARGETS.get(`${name} ${clients}`);
  const verdict =
    target === undefined ? "" : `${target} ${median(ratios) >= 0.95 * target ? "met" : "missed"}`;
  return [
    name,
    clients,
    speed(theirs),
    speed(ours),
    spread(ratios),
    verdict,
    mode === "stream" ? `${fairness(ours)} (${fairness(theirs)})` : "",
    `${cost(ours)} (${cost(theirs)})`,
    Math.round(memory),
  ];
}
