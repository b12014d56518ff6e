// The image API: the list of all images in requests against nginx with the same bytes in a file, and the export of a large image in bytes
// against the plain URL of its root on the same server. All over TLS.
// Usage: node bench/image-api.mjs [--images N] [--size MiB] [--pairs N] [--seconds N] [--clients 1,8] [--only identity,gzip,export] [--workers N] [--record]
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeMetadata, writeSquashfs } from "./image-files.mjs";
import { measure, prepareClient } from "./load.mjs";
import { asMarkdown, record } from "./results.mjs";
import { answering, nginxVersion, running, startNginx } from "./servers.mjs";
import { median, spread } from "./statistics.mjs";
import { writeTree } from "./tree.mjs";

const HEADWATER = join(import.meta.dirname, "../dist/cli/main.js");
const TARGETS = { identity: 0.5, gzip: 0.5, export: 0.9 };
const LIST = "/1.0/images?recursion=1";
const PORT = 19_801;

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "2000" },
    size: { type: "string", default: "1024" },
    pairs: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    // Of the export; lists are asked for by 8.
    clients: { type: "string", default: "1,8" },
    only: { type: "string", default: "identity,gzip,export" },
    workers: { type: "string", default: "1" },
    record: { type: "boolean", default: false },
  },
});
const pairs = Number(values.pairs);
const seconds = Number(values.seconds);

const table = [
  [
    "what",
    "clients",
    "rival",
    "image API",
    "ratio",
    "target",
    "CPU s/GiB or us/request (rival)",
    "MB resident",
  ],
];
const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"));
const servers = [];
try {
  const client = await prepareClient(folder);
  const data = join(folder, "data");
  const large = await fillStore(data);
  const own = await startServer(data);
  servers.push(own);
  const list = await readLists();
  const nginx = await startRival(data, list);
  servers.push(nginx);
  const addresses = await largeAddresses(large);
  for (const kind of values.only.split(",")) {
    const counts = kind === "export" ? values.clients.split(",").map(Number) : [8];
    for (const clients of counts) {
      const compared = kind === "export" ? exportOf(own, addresses) : listOf(own, nginx, kind, list[kind]);
      const row = await compare(client, { kind, clients, ...compared });
      table.push(row);
      console.log(row.join("  "));
    }
  }
  report(client, list);
} finally {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
}

/** As many images as are wanted; the last of them is the large one, as `headwater list` tells of it. */
async function fillStore(data) {
  const tree = join(folder, "tree");
  await writeTree(tree, Number(values.images) - 1);
  headwater("add", tree, "--data", data, "--quiet");
  rmSync(tree, { recursive: true });
  const metadata = writeMetadata(folder, { os: "large", release: "1", salt: "large" });
  const root = join(folder, "root.squashfs");
  await writeSquashfs(root, Number(values.size) * 2 ** 20);
  headwater("add", metadata, root, "--data", data, "--quiet");
  rmSync(root);
  const images = JSON.parse(headwater("list", "--data", data, "--json"));
  return images.find(({ os }) => os === "large");
}

function headwater(...words) {
  const run = spawnSync(process.execPath, [HEADWATER, ...words], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`headwater ${words[0]} failed: ${run.stderr}`);
  return run.stdout;
}

async function startServer(data) {
  const where = ["--listen", `127.0.0.1:${PORT}`, "--name", "localhost", "--workers", values.workers];
  const words = [HEADWATER, "serve", ...where, "--data", data];
  const child = spawn(process.execPath, words, { stdio: "ignore" });
  const server = running(child, { tls: PORT });
  try {
    await answering(PORT);
  } catch (error) {
    if (child.exitCode === null) await server.stop();
    throw error;
  }
  return server;
}

/** The bodies of the list, by the encoding that is accepted. */
async function readLists() {
  const [identity, gzip] = await Promise.all(["identity", "gzip"].map((encoding) => ask({ encoding })));
  const count = JSON.parse(identity.body).metadata.length;
  if (count !== Number(values.images)) throw new Error(`the list has ${count} images`);
  if (gzip.headers["content-encoding"] !== "gzip") throw new Error("the list is not gzipped");
  return { identity: identity.body, gzip: gzip.body };
}

/** nginx with the same bytes under the same path, and with the same certificate and key. */
async function startRival(data, list) {
  const root = join(folder, "www");
  mkdirSync(join(root, "1.0"), { recursive: true });
  writeFileSync(join(root, "1.0", "images"), list.identity);
  writeFileSync(join(root, "1.0", "images.gz"), list.gzip);
  const certificate = join(data, "tls", "server.pem");
  const nginx = await startNginx({ folder, root, certificate, tls: PORT + 1, plain: PORT + 2 });
  for (const encoding of ["identity", "gzip"]) {
    const { body } = await ask({ port: nginx.tls, encoding });
    if (!body.equals(list[encoding])) throw new Error(`nginx sends other bytes (${encoding})`);
  }
  return nginx;
}

/** Where the large image is, as an image and as the one file that is nearly all of it. */
async function largeAddresses({ stream, fingerprint, files }) {
  const root = files.find(({ ftype }) => ftype === "squashfs");
  const paths = { item: `/${stream}/${root.path}`, export: `/1.0/images/${fingerprint}/export` };
  for (const path of Object.values(paths)) {
    const { headers } = await ask({ method: "HEAD", path });
    if (!(Number(headers["content-length"]) >= root.size)) throw new Error(`${path} is too short`);
  }
  return paths;
}

/** One whole answer; fails unless it is one with status 200. */
function ask({ port = PORT, method = "GET", path = LIST, encoding = "identity" }) {
  return new Promise((resolve, reject) => {
    const headers = { "accept-encoding": encoding };
    const options = { port, method, path, headers, rejectUnauthorized: false, agent: false };
    const asked = request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece)).once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve({ headers: response.headers, body: Buffer.concat(pieces) });
        else reject(new Error(`${path} on port ${port}: status ${response.statusCode}`));
      });
    });
    asked.once("error", reject).end();
  });
}

function listOf(own, nginx, encoding, body) {
  const request = { mode: "requests", path: LIST, encoding, bytes: body.byteLength };
  return {
    what: `list, ${encoding}`,
    ours: { server: own, ...request },
    theirs: { server: nginx, ...request },
  };
}

function exportOf(own, addresses) {
  const download = { server: own, mode: "stream" };
  return {
    what: "export, against the root's URL",
    ours: { ...download, path: addresses.export },
    theirs: { ...download, path: addresses.item },
  };
}

async function compare(client, { kind, what, clients, ours, theirs }) {
  const once = ({ server, ...asked }) =>
    measure(client, { ...asked, tls: true, port: server.tls, clients, seconds });
  // A compiler that watches the program and caches of every kind: the first run of each is not counted.
  await once(theirs);
  await once(ours);
  const results = { ours: [], theirs: [] };
  let memory = 0;
  for (let pair = 0; pair < pairs; pair++) {
    // Whoever goes second finds other caches: they take turns.
    for (const it of pair % 2 === 0 ? [theirs, ours] : [ours, theirs]) {
      const before = it.server.processorSeconds();
      const result = await once(it);
      const processor = it.server.processorSeconds() - before;
      result.cost = (processor / result.done) * (it.mode === "stream" ? 2 ** 30 : 1e6);
      results[it === ours ? "ours" : "theirs"].push(result);
      if (it === ours) memory = Math.max(memory, it.server.memory());
    }
  }
  const isStream = ours.mode === "stream";
  const speed = (who) => {
    const perSecond = median(results[who].map((result) => result.perSecond));
    return isStream ? `${Math.round(perSecond / 1e6)} MB/s` : `${Math.round(perSecond)} req/s`;
  };
  const cost = (who) => median(results[who].map((result) => result.cost)).toFixed(isStream ? 2 : 0);
  const ratios = results.ours.map(({ perSecond }, pair) => perSecond / results.theirs[pair].perSecond);
  const target = TARGETS[kind];
  return [
    what,
    clients,
    speed("theirs"),
    speed("ours"),
    spread(ratios),
    `${target} ${median(ratios) >= 0.95 * target ? "met" : "missed"}`,
    `${cost("ours")} (${cost("theirs")})`,
    Math.round(memory),
  ];
}

function report(client, list) {
  console.log(asMarkdown(table).join("\n"));
  if (!values.record) return;
  const kilobytes = (body) => `${Math.round(body.byteLength / 1000)} kB`;
  record({
    title: `The image API: a list of ${values.images} images, and the export of ${values.size} MiB`,
    versions: [nginxVersion(), `${client.kind} client`],
    notes: [
      `${pairs} pairs in turns, ${seconds} s each, all over TLS with one certificate, loopback; headwater serve --workers ${values.workers}`,
      `list: ${kilobytes(list.identity)}, gzipped ${kilobytes(list.gzip)}, a new connection for each request. Rival: nginx, sendfile, two workers, the same bytes as a file`,
      "export: a split image in the page cache. Rival: the URL of its root on the same server",
    ],
    table,
  });
}
