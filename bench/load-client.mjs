// The fallback of load-client.c, same arguments and output. It copies and decrypts: good for trying out, not for results.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

const [, , mode, protocol, host, port, path, clients, seconds, bytes, encoding = "gzip"] = process.argv;
const workers = Array.from({ length: Number(clients) }, () => ({ bytes: 0, requests: 0, failures: 0 }));
const clock = { phase: "warm" };

function once(me) {
  return new Promise((resolve) => {
    const start = protocol === "tls" ? httpsRequest : httpRequest;
    const headers = { "Accept-Encoding": encoding, Connection: "close" };
    const request = start({ host, port, path, headers, agent: false, rejectUnauthorized: false });
    request.on("error", () => resolve(false));
    request.on("response", (response) => {
      let length = 0;
      response.on("data", (chunk) => {
        length += chunk.length;
        if (clock.phase === "count" && mode === "stream") me.bytes += chunk.length;
        if (clock.phase === "over") request.destroy();
      });
      response.on("close", () => resolve(mode === "stream" || length === Number(bytes)));
    });
    request.end();
  });
}

async function run(me) {
  while (clock.phase !== "over") {
    const isGood = await once(me);
    if (clock.phase !== "count") continue;
    if (isGood) me.requests += 1;
    else me.failures += 1;
  }
}

const runs = workers.map(run);
await new Promise((resolve) => setTimeout(resolve, 500));
clock.phase = "count";
const start = performance.now();
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
clock.phase = "over";
const took = (performance.now() - start) / 1000;
await Promise.all(runs);
const sum = (key) => workers.reduce((total, worker) => total + worker[key], 0);
const each = workers.map((worker) => worker.bytes);
console.log(
  JSON.stringify({
    seconds: took,
    bytes: sum("bytes"),
    requests: sum("requests"),
    failures: sum("failures"),
    slowest: Math.min(...each),
    fastest: Math.max(...each),
  }),
);
