// What the command line does for `serve --workers`. Arguments: compiled program, store, port, workers.
import cluster from "node:cluster";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , dist, data, port, count] = process.argv;
const load = (path) => import(pathToFileURL(join(dist, path)));
const { isWorker, runWorker, startWorkers } = await load("server/workers.js");
const { startServer } = await load("server/serve.js");
const { openDirectoryStore } = await load("store/directory/open.js");

const file = join(data, "tls", "server.pem");
const start = async () =>
  startServer({
    store: await openDirectoryStore(data),
    listen: [{ host: "127.0.0.1", port: Number(port), kind: "tls" }],
    certificate: { certificate: file, key: file },
  });

if (isWorker()) {
  process.on("SIGTERM", () => undefined);
  await runWorker(start);
} else {
  const say = (level) => (facts, message) =>
    process.stdout.write(`${JSON.stringify({ level, message, ...facts })}\n`);
  const log = { info: say("info"), warn: say("warn"), error: say("error") };
  try {
    const pool = await startWorkers({ count: Number(count), log });
    log.info({ addresses: pool.addresses }, "ready");
    // As Node does when a message cannot reach a worker that has just gone.
    process.on("SIGHUP", () => {
      for (const worker of Object.values(cluster.workers)) worker.emit("error", new Error("write EPIPE"));
      log.info({}, "told of a message that was not delivered");
    });
    process.on("SIGUSR2", () => log.info({ requests: pool.counters.requests }, "counters"));
    process.on("SIGTERM", () => {
      pool.close().then(() => process.exit(0));
    });
  } catch (error) {
    log.error({ code: error.code, hint: error.hint }, error.message);
    process.exitCode = 1;
  }
}
