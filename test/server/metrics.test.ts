import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { parseListenAddress } from "../../src/config/listen-address.ts";
import { startMetrics } from "../../src/server/metrics.ts";
import { sumCounters, zeroCounters } from "../../src/server/counters.ts";
import { ask } from "./ask.ts";
import { recordingLogger } from "./site.ts";

it("shows the counters as they are at every scrape, and nothing else", async () => {
  const counters = { ...zeroCounters(), requests: 3, generation: 42 };
  const metrics = await startMetrics({
    listen: parseListenAddress("127.0.0.1:0"),
    counters: () => counters,
    log: recordingLogger(),
  });
  try {
    const scrape = async (): Promise<string> =>
      (await ask("/metrics", { port: metrics.port })).body.toString();
    expect(await scrape()).toMatch(/^headwater_requests_total 3$/m);
    counters.requests = 5;
    const text = await scrape();
    expect(text).toMatch(/^headwater_requests_total 5$/m);
    expect(text).toMatch(/^headwater_generation 42$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
    expect((await ask("/", { port: metrics.port })).status).toBe(404);
    expect((await ask("/metrics", { port: metrics.port, method: "POST" })).status).toBe(404);
  } finally {
    await metrics.close();
  }
});

it("are all on the page that explains them, and no others are", async () => {
  const page = await readFile(new URL("../../docs/reference/limits-and-metrics.md", import.meta.url), "utf8");
  const metrics = await startMetrics({
    listen: parseListenAddress("127.0.0.1:0"),
    counters: zeroCounters,
    log: recordingLogger(),
  });
  const text = (await ask("/metrics", { port: metrics.port })).body.toString();
  await metrics.close();
  const named = (source: string, pattern: RegExp): string[] =>
    [...new Set(Array.from(source.matchAll(pattern), ([, name = ""]) => name))].toSorted();
  expect(named(page, /`(headwater_\w+)`/g)).toEqual(named(text, /^(headwater_\w+) /gm));
});

it("warns when other machines can read them", async () => {
  const log = recordingLogger();
  const metrics = await startMetrics({
    listen: parseListenAddress("0.0.0.0:0"),
    counters: zeroCounters,
    log,
  });
  await metrics.close();
  expect(log.lines).toMatchObject([{ level: "warn" }]);
});

it("sums workers, with the oldest generation that one still serves", () => {
  const one = { ...zeroCounters(), requests: 1, bytes: 10, generation: 7 };
  const two = { ...zeroCounters(), requests: 2, bytes: 20, generation: 6 };
  expect(sumCounters([zeroCounters(), one, two])).toMatchObject({ requests: 3, bytes: 30, generation: 6 });
});
