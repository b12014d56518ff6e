import { createServer } from "node:http";
import type { Counter as CounterMetric, Gauge as GaugeMetric } from "prom-client";
import type { Counters } from "./counters.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import { isLoopback } from "../config/listen-address.ts";
import { cannotListen } from "./listener.ts";
import type { Logger } from "./logger.ts";

export interface MetricsOptions {
  readonly listen: ListenAddress;
  /** Read at every scrape. */
  readonly counters: () => Readonly<Counters>;
  readonly log: Logger;
}

export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

const DESCRIPTIONS: readonly [keyof Counters, "counter" | "gauge", string, string][] = [
  ["requests", "counter", "headwater_requests_total", "Requests received"],
  ["bytes", "counter", "headwater_sent_bytes_total", "Bytes of answers sent, without headers and TLS"],
  ["failures", "counter", "headwater_failures_total", "Requests that failed for reasons of this server"],
  ["refusedTlsVersions", "counter", "headwater_refused_tls_versions_total", "Connections older than TLS 1.3"],
  ["failedHandshakes", "counter", "headwater_failed_handshakes_total", "TLS handshakes that came to nothing"],
  ["evictedSends", "counter", "headwater_evicted_sends_total", "Stalled downloads cut to make room"],
  ["cacheHits", "counter", "headwater_cache_hits_total", "Files of caches that were held when asked for"],
  [
    "cacheMisses",
    "counter",
    "headwater_cache_misses_total",
    "Files of caches that were at the upstream when asked for",
  ],
  ["upstreamBytes", "counter", "headwater_upstream_bytes_total", "Bytes fetched from upstreams for caches"],
  ["failedFills", "counter", "headwater_failed_fills_total", "Files for caches that could not be fetched"],
  ["evictedFiles", "counter", "headwater_evicted_files_total", "Files that caches gave up for others"],
  ["runningFills", "gauge", "headwater_running_fills", "Files being fetched for caches"],
  ["connections", "gauge", "headwater_connections", "Open connections"],
  ["activeSends", "gauge", "headwater_active_sends", "Answers being sent"],
  ["waitingSends", "gauge", "headwater_waiting_sends", "Answers waiting for their turn"],
  ["bufferBytes", "gauge", "headwater_send_buffer_bytes", "Buffers that hold parts of files on their way"],
  ["generation", "gauge", "headwater_generation", "Number of the generation that is served"],
];

/** `/metrics` in the Prometheus format, on an address of its own. Throws ADDRESS_IN_USE or ADDRESS_UNUSABLE. */
export async function startMetrics({ listen, counters, log }: MetricsOptions): Promise<MetricsListener> {
  // Loaded here: only those who ask for metrics pay for it.
  const { Counter, Gauge, Registry, collectDefaultMetrics } = await import("prom-client");
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const [key, kind, name, help] of DESCRIPTIONS) {
    const shared = { name, help, registers: [registry] };
    if (kind === "gauge") {
      const gauge: GaugeMetric = new Gauge({ ...shared, collect: () => gauge.set(counters()[key]) });
    } else {
      const counter: CounterMetric = new Counter({
        ...shared,
        collect: () => {
          counter.reset();
          counter.inc(counters()[key]);
        },
      });
    }
  }
  if (!isLoopback(listen.host))
    log.warn({ host: listen.host ?? "" }, "metrics can be read from other machines");
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("Metrics are at /metrics.\n");
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "Content-Type": registry.contentType }).end(text),
      (error: unknown) => {
        log.error({ err: error }, "metrics cannot be read");
        response.writeHead(500).end();
      },
    );
  });
  const { host, port } = listen;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(cannotListen({ ...listen, kind: "proxied" }, error)),
    );
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
