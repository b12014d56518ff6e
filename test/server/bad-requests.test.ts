import { createConnection } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, rawExchange } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, someBytes, startSite, until } from "./site.ts";

const ROOT = someBytes(300_000, 5);
const LIMITS = { headersMs: 400, stalledMs: 60_000, idleMs: 65_000 };

let site: Site;
let secure: { port: number; ca: string };
beforeAll(async () => {
  const started = await startSite({ limits: LIMITS });
  await publish(started.store, { "debian/root": ROOT });
  await until(() => started.server.counters.generation === 1);
  site = started;
  secure = { port: site.port, ca: site.ca };
});
afterAll(() => site.close());

async function isStillWell(): Promise<void> {
  const answer = await ask("/images/debian/root", secure);
  expect(answer.body.equals(ROOT)).toBe(true);
}

describe("bad requests", () => {
  it("collapses slashes", async () => {
    for (const path of ["//streams//v1/index.json", "/streams/v1///index.json"]) {
      expect((await ask(path, secure)).status).toBe(200);
    }
  });

  it.each([
    "/../../../../etc/passwd",
    "/images/../streams/v1/index.json",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/images/%2E%2E%2Fetc%2Fpasswd",
    "/images%2fdebian%2froot",
    "/images/debian\\root",
    "/images/debian/root%00",
    "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "/%",
  ])("answers %j with one line and 400", async (path) => {
    const answer = await ask(path, secure);
    expect([answer.status, answer.body.toString()]).toEqual([400, "No file can have that path.\n"]);
  });

  it.each([
    "/nothing",
    "/images",
    "/images/",
    "/images/debian/root/",
    "/__proto__",
    "/constructor",
    "/images/debian",
    "/@",
    "/@x/",
    "/@0/",
    "/@999/streams/v1/index.json",
    "/@2026-02-30/x",
    "/@9999-01-01/x",
  ])("answers %j with 404", async (path) => {
    const answer = await ask(path, secure);
    expect([answer.status, answer.headers["cache-control"]]).toEqual([404, "no-store"]);
    expect(answer.body.toString().trim().split("\n")).toHaveLength(1);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])(
    "refuses %s with 405 and Allow",
    async (method) => {
      for (const path of ["/images/debian/root", "/", "/nothing"]) {
        const answer = await ask(path, { ...secure, method });
        expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD"]);
      }
      await isStillWell();
    },
  );

  it("refuses a request with a body and closes the connection", async () => {
    for (const extra of [
      "Content-Length: 5\r\n\r\nhello",
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]) {
      const answer = await rawExchange(
        site.proxied,
        `GET /images/debian/root HTTP/1.1\r\nHost: x\r\n${extra}`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toMatch(/connection: close/i);
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
    const expecting = await rawExchange(
      site.proxied,
      "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    expect(expecting).toMatch(/^HTTP\/1\.1 405 /);
    await isStillWell();
  });

  it.each([
    [
      "both length headers",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["two lengths", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
    ["a negative length", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
    ["an unknown transfer encoding", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, what\r\n\r\n"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
    ["a bare line feed in a header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\nc: d\r\n\r\n"],
    ["binary noise", "\u0001\u0002\u0003\u0004 noise\r\n\r\n"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"],
  ])("answers %s with 400 and closes", async (_, bytes) => {
    for (const port of [site.port, site.proxied]) {
      expect(await rawExchange(port, bytes)).toMatch(/^HTTP\/1\.1 (400|408) [^]*\n$/);
    }
    await isStillWell();
  });

  it("answers headers beyond 16 KiB with 431", async () => {
    const request = `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(20_000)}\r\n\r\n`;
    expect(await rawExchange(site.port, request)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it.each(["bytes=999999999999-", "bytes=300000-", "bytes=-0"])(
    "answers the range %s with 416 and the size",
    async (range) => {
      const answer = await ask("/images/debian/root", { ...secure, headers: { Range: range } });
      expect([answer.status, answer.headers["content-range"]]).toEqual([416, "bytes */300000"]);
    },
  );

  it.each(["bytes=0-1,5-6", "bytes=9-1", "lines=1-2", `bytes=${"0-1,".repeat(2000)}3-4`])(
    "sends the whole file for the range %.20s",
    async (range) => {
      const answer = await ask("/images/debian/root", { ...secure, headers: { Range: range } });
      expect([answer.status, answer.body.equals(ROOT)]).toEqual([200, true]);
    },
  );

  it("cuts half a request after the time for headers, in clear and over TLS", async () => {
    const half = "GET / HTTP/1.1\r\nHost: ";
    expect(await rawExchange(site.port, half)).toMatch(/^HTTP\/1\.1 408 /);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca, servername: "localhost" });
      let text = "";
      socket.on("secureConnect", () => socket.write(half));
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("error", reject);
      socket.on("close", () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("cuts a connection that says nothing, and half a TLS handshake", async () => {
    expect(await rawExchange(site.port, "")).toBe("");
    // The head of a record that announces more than ever comes.
    await rawExchange(site.port, "\u0016\u0003\u0001\u0002\u0000\u0001");
    await isStillWell();
  });

  it("does not log empty connections, nor hold on to them", async () => {
    const lines = site.log.lines.length;
    for (let count = 0; count < 50; count++) {
      await new Promise<void>((resolve, reject) => {
        const socket = createConnection(site.port, "127.0.0.1", () => socket.end());
        socket.on("error", reject);
        socket.on("close", () => resolve());
      });
    }
    await until(() => site.server.counters.connections === 0);
    expect(site.log.lines.slice(lines)).toEqual([]);
  });

  it("answers requests that were sent ahead in order, and cuts those who send too many", async () => {
    const one = "GET /images/debian/root HTTP/1.1\r\nHost: x\r\n\r\n";
    const last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const answer = await rawExchange(site.proxied, one.repeat(3) + last);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
    expect(answer.length).toBeGreaterThan(3 * ROOT.byteLength);
    expect(answer.endsWith("}\n")).toBe(true);
    await rawExchange(site.proxied, one.repeat(100));
    await until(() => site.server.counters.activeSends === 0);
    await isStillWell();
  });
});
