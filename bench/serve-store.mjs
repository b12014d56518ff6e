// A server as `headwater serve` runs it, with nothing else in the process. Arguments: compiled program, store, workers, TLS port, plain port.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , dist, data, workers, tlsPort, plainPort] = process.argv;
const load = (path) => import(pathToFileURL(join(dist, path)));
const { openDirectoryStore } = await load("store/directory/open.js");
const { startServer } = await load("server/serve.js");
const { isWorker, runWorker, startWorkers } = await load("server/workers.js");

const file = join(data, "tls", "server.pem");
const quiet = { info: () => undefined, warn: () => undefined, error: console.error };

async function start() {
  return startServer({
    store: await openDirectoryStore(data),
    listen: [
      { host: "127.0.0.1", port: Number(tlsPort), kind: "tls" },
      { host: "127.0.0.1", port: Number(plainPort), kind: "proxied" },
    ],
    certificate: { certificate: file, key: file },
  });
}

if (isWorker()) {
  await runWorker(start);
} else {
  const server =
    Number(workers) > 1 ? await startWorkers({ count: Number(workers), log: quiet }) : await start();
  process.on("SIGTERM", () => {
    server.close(0).then(() => process.exit(0));
  });
}
