import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { ask } from "./ask.ts";
import type { BlobWatch, Site } from "./site.ts";
import { publish, someBytes, startSite, until, watchBlobs } from "./site.ts";

/** Far more than what the kernel takes for a reader that reads nothing. */
const LARGE = someBytes(40_000_000, 9);
const SMALL = someBytes(600_000, 4);

const sites: Site[] = [];
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()));
});

async function start(
  options: Parameters<typeof startSite>[0] = {},
): Promise<Site & { readonly watch: BlobWatch }> {
  const watch = watchBlobs(createMemoryStore());
  await publish(watch.store, { large: LARGE, small: SMALL });
  const site = await startSite({ store: watch.store, ...options });
  sites.push(site);
  watch.opened = 0;
  return { ...site, watch };
}

/** Asks for the large file and reads nothing. */
function stalledReader(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: "127.0.0.1" }, () => {
      socket.write("GET /images/large HTTP/1.1\r\nHost: x\r\n\r\n");
      resolve(socket);
    });
    socket.pause();
    socket.once("error", reject);
    socket.on("error", () => undefined);
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    if (socket.closed) resolve();
    socket.resume();
  });
}

describe("a download", () => {
  it("answers ranges like a model that slices the bytes", async () => {
    const { proxied } = await start();
    const bound = fc.option(fc.nat({ max: SMALL.byteLength + 1000 }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(bound, bound, async (first, last) => {
        fc.pre(first !== undefined || (last !== undefined && last > 0));
        fc.pre(first === undefined || last === undefined || first <= last);
        const answer = await ask("/images/small", {
          port: proxied,
          headers: { Range: `bytes=${first ?? ""}-${last ?? ""}` },
        });
        const from = first ?? Math.max(0, SMALL.byteLength - (last ?? 0));
        if (from >= SMALL.byteLength) {
          expect(answer.status).toBe(416);
          return;
        }
        const wanted = SMALL.subarray(from, first === undefined ? undefined : (last ?? SMALL.byteLength) + 1);
        expect(answer.status).toBe(206);
        expect(answer.headers["content-length"]).toBe(String(wanted.byteLength));
        expect(answer.headers["content-range"]).toBe(
          `bytes ${from}-${from + wanted.byteLength - 1}/${SMALL.byteLength}`,
        );
        expect(answer.body.equals(wanted)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("gives back reader and buffers when the client goes away while a read is in flight", async () => {
    const { server, watch, proxied } = await start();
    let release = (): void => undefined;
    let reads = 0;
    watch.beforeRead = () => {
      reads += 1;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const socket = await stalledReader(proxied);
    await until(() => reads === 1);
    socket.destroy();
    await until(() => server.counters.connections === 0);
    expect(watch.open).toBe(1);
    release();
    await until(() => watch.open === 0);
    expect([watch.opened, reads, server.counters.activeSends, server.counters.bufferBytes]).toEqual([
      1, 1, 0, 0,
    ]);
  });

  it("is cut, and not ended, when its blob is shorter than listed or cannot be read", async () => {
    const { server, watch, proxied, log, ca, port } = await start();
    watch.beforeRead = () => Promise.reject(new Error("the disk is gone"));
    await expect(ask("/images/small", { port: proxied })).rejects.toThrow();
    await expect(ask("/images/small", { port, ca })).rejects.toThrow();
    await until(() => watch.open === 0);
    expect(server.counters).toMatchObject({ failures: 2, activeSends: 0 });
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(2);
    watch.beforeRead = () => Promise.resolve();
    watch.endsAt = 300_000;
    await expect(ask("/images/small", { port, ca })).rejects.toThrow();
    await until(() => watch.open === 0);
    expect(log.lines.at(-1)?.facts["err"]).toMatchObject({ code: "BLOB_MISMATCH" });
    watch.endsAt = Number.POSITIVE_INFINITY;
    expect((await ask("/images/small", { port, ca })).body.equals(SMALL)).toBe(true);
  });

  it("is 503 and not 404 when its bytes are missing, for GET and HEAD", async () => {
    const watch = watchBlobs(createMemoryStore());
    await publish(watch.store, { small: SMALL });
    const site = await startSite({ store: watch.store });
    sites.push(site);
    const etag = (await ask("/images/small", { port: site.proxied, method: "HEAD" })).headers.etag ?? "";
    await watch.store.quarantine(etag.slice(1, -1));
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask("/images/small", { port: site.proxied, method });
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "10"]);
    }
  });

  it("is cut when its reader takes nothing for too long, and everything is back", async () => {
    const limits = { headersMs: 5000, stalledMs: 300, idleMs: 65_000 };
    const { server, watch, proxied } = await start({ limits });
    const socket = await stalledReader(proxied);
    await until(() => server.counters.activeSends === 1);
    await until(() => server.counters.connections === 0);
    await until(() => server.counters.bufferBytes === 0);
    expect([watch.open, server.counters.activeSends]).toEqual([0, 0]);
    await closed(socket);
  });

  it("is cut over TLS as well", async () => {
    const limits = { headersMs: 5000, stalledMs: 300, idleMs: 65_000 };
    const { server, watch, port, ca } = await start({ limits });
    const socket = connectTls({ port, host: "127.0.0.1", ca, servername: "localhost" }, () => {
      socket.write("GET /images/large HTTP/1.1\r\nHost: x\r\n\r\n");
    });
    socket.pause();
    socket.on("error", () => undefined);
    await until(() => server.counters.activeSends === 1);
    await until(() => server.counters.connections === 0);
    await until(() => server.counters.bufferBytes === 0);
    expect([watch.open, server.counters.activeSends]).toEqual([0, 0]);
    socket.destroy();
  });

  it("goes on for a slow reader that takes a little now and then", async () => {
    const limits = { headersMs: 5000, stalledMs: 500, idleMs: 65_000 };
    const { server, proxied } = await start({ limits });
    const socket = await stalledReader(proxied);
    let received = 0;
    socket.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
      socket.pause();
    });
    const nibbling = setInterval(() => socket.resume(), 2);
    await until(() => received > 5_000_000 || socket.closed);
    clearInterval(nibbling);
    expect([socket.closed, server.counters.activeSends]).toEqual([false, 1]);
    socket.destroy();
  });
});

describe("many readers", () => {
  it("finish while a thousand others stall", async () => {
    const slots = { limit: 256, queueLimit: 4096, waitMs: 20_000, stalledMs: 200 };
    const { server, watch, port, ca, proxied } = await start({ slots });
    const stalled = await Promise.all(Array.from({ length: 1000 }, () => stalledReader(proxied)));
    await until(() => server.counters.activeSends === 256);
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask("/images/small", { port, ca })));
      for (const answer of answers) expect(answer.body.equals(SMALL)).toBe(true);
    }
    expect(server.counters.evictedSends).toBeGreaterThan(0);
    expect(server.counters.activeSends).toBeLessThanOrEqual(256);
    for (const socket of stalled) socket.destroy();
    await until(() => server.counters.connections === 0 && watch.open === 0);
    expect(server.counters).toMatchObject({ activeSends: 0, waitingSends: 0, bufferBytes: 0 });
  });

  it("are told to come back when too many wait", async () => {
    const slots = { limit: 1, queueLimit: 1, waitMs: 200, stalledMs: 60_000 };
    const { server, proxied } = await start({ slots });
    const holder = await stalledReader(proxied);
    await until(() => server.counters.activeSends === 1);
    const answers = await Promise.all([1, 2, 3].map(() => ask("/images/small", { port: proxied })));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(answers.map(({ headers }) => headers["retry-after"])).toEqual(["10", "10", "10"]);
    holder.destroy();
    await until(() => server.counters.activeSends === 0);
    expect((await ask("/images/small", { port: proxied })).status).toBe(200);
  });

  it("are answered next to 500 idle connections", async () => {
    const { server, port, ca } = await start();
    const idle = await Promise.all(
      Array.from(
        { length: 500 },
        () =>
          new Promise<Socket>((resolve, reject) => {
            const socket = createConnection({ port, host: "127.0.0.1" }, () => resolve(socket));
            socket.once("error", reject);
          }),
      ),
    );
    await until(() => server.counters.connections === 500);
    expect((await ask("/images/small", { port, ca })).body.equals(SMALL)).toBe(true);
    for (const socket of idle) socket.destroy();
  });
});

describe("close", () => {
  it("lets a running download finish, ends idle connections and takes no new ones", async () => {
    const { server, watch, port, ca } = await start();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    watch.beforeRead = () => released;
    const download = ask("/images/small", { port, ca });
    await until(() => watch.open === 1);
    const idle = createConnection(port, "127.0.0.1");
    await until(() => server.counters.connections === 2);
    const closing = server.close();
    await expect(ask("/healthz", { port, ca })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    release();
    expect((await download).body.equals(SMALL)).toBe(true);
    await closing;
    await closed(idle);
    expect([watch.open, server.counters.connections]).toEqual([0, 0]);
  });

  it("cuts what takes longer than the grace", async () => {
    const { server, watch, proxied } = await start();
    const socket = await stalledReader(proxied);
    await until(() => server.counters.activeSends === 1);
    await server.close(100);
    await closed(socket);
    await until(() => watch.open === 0);
    expect(server.counters).toMatchObject({ connections: 0, activeSends: 0 });
  });

  it("may be called twice", async () => {
    const { server } = await start();
    await Promise.all([server.close(), server.close()]);
  });
});
