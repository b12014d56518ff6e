// A server as `headwater serve` runs it, with nothing else in the process. Arguments: compiled program, store, workers, TLS port, plain port.
import cluster from "node:cluster";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , dist, data, workers, tlsPort, plainPort] = process.argv;
const load = (path) => import(pathToFileURL(join(dist, path)));

async function serve() {
  const { openDirectoryStore } = await load("store/directory/open.js");
  const { startServer } = await load("server/serve.js");
  const file = join(data, "tls", "server.pem");
  const server = await startServer({
    store: await openDirectoryStore(data),
    listen: [
      { host: "127.0.0.1", port: Number(tlsPort), kind: "tls" },
      { host: "127.0.0.1", port: Number(plainPort), kind: "proxied" },
    ],
    certificate: { certificate: file, key: file },
  });
  process.on("SIGTERM", () => {
    server.close(0).then(() => process.exit(0));
  });
}

if (Number(workers) > 1 && cluster.isPrimary) {
  cluster.setupPrimary({ args: process.argv.slice(2) });
  for (let index = 0; index < Number(workers); index++) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill("SIGTERM");
    setTimeout(() => process.exit(0), 200);
  });
} else {
  await serve();
}
