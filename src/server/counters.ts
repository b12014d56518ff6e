/** What a server counts from its start; plain numbers, so that they travel between processes and into metrics. */
export interface Counters {
  requests: number;
  /** Bytes of answers' bodies. */
  bytes: number;
  /** Answers with status 500 and above. */
  failures: number;
  /** Connections that offered nothing newer than TLS 1.2. */
  refusedTlsVersions: number;
  /** Other handshakes that came to nothing, such as a client that does not trust the certificate. */
  failedHandshakes: number;
  connections: number;
  activeSends: number;
  waitingSends: number;
  /** Bytes of buffers that hold parts of files on their way. */
  bufferBytes: number;
  /** Stalled downloads that were cut so that others could go on. */
  evictedSends: number;
  /** Files of caches that were here when they were asked for, and that were not. */
  cacheHits: number;
  cacheMisses: number;
  /** Downloads from upstreams for caches: under way, bytes, and those that came to nothing; files given up for others. */
  runningFills: number;
  upstreamBytes: number;
  failedFills: number;
  evictedFiles: number;
  /** Number of the generation that is served; 0 when there is none. */
  generation: number;
}

export function zeroCounters(): Counters {
  return {
    requests: 0,
    bytes: 0,
    failures: 0,
    refusedTlsVersions: 0,
    failedHandshakes: 0,
    connections: 0,
    activeSends: 0,
    waitingSends: 0,
    bufferBytes: 0,
    evictedSends: 0,
    cacheHits: 0,
    cacheMisses: 0,
    runningFills: 0,
    upstreamBytes: 0,
    failedFills: 0,
    evictedFiles: 0,
    generation: 0,
  };
}

/** One sum for several workers; the oldest generation that one of them still serves. */
export function sumCounters(all: readonly Readonly<Counters>[]): Counters {
  const sum = zeroCounters();
  for (const counters of all) {
    sum.requests += counters.requests;
    sum.bytes += counters.bytes;
    sum.failures += counters.failures;
    sum.refusedTlsVersions += counters.refusedTlsVersions;
    sum.failedHandshakes += counters.failedHandshakes;
    sum.connections += counters.connections;
    sum.activeSends += counters.activeSends;
    sum.waitingSends += counters.waitingSends;
    sum.bufferBytes += counters.bufferBytes;
    sum.evictedSends += counters.evictedSends;
    sum.cacheHits += counters.cacheHits;
    sum.cacheMisses += counters.cacheMisses;
    sum.generation =
      sum.generation === 0 ? counters.generation : Math.min(sum.generation, counters.generation);
  }
  return sum;
}
