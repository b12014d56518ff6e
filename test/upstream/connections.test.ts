import { createServer, type AddressInfo, type Socket } from "node:net";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { makeAuthority } from "./authority.ts";
import { startProxy } from "./connect-proxy.ts";
import { failureOf } from "./failure.ts";
import { bytesOf, closeAll, endsWithTest, site, upstreamAt } from "./open.ts";

const INDEX = "streams/v1/index.json";
const files = new Map([
  [INDEX, "{}"],
  ["item", "bytes"],
]);
const PASSWORD = "open sesame";
const credentials = { user: "ali", password: PASSWORD };

afterEach(async () => {
  vi.unstubAllEnvs();
  await closeAll();
});

describe("a certificate", () => {
  it("that has expired is told as that", async () => {
    const there = await site({ files, tls: "expired" });
    const error = await failureOf(upstreamAt(there).document(INDEX));
    expect(error).toMatchObject({
      code: "UPSTREAM_UNREACHABLE",
      message: expect.stringContaining("has expired"),
    });
  });

  it("for another name is told as that", async () => {
    const there = await site({ files, tls: "wrong name" });
    const error = await failureOf(upstreamAt(there).document(INDEX));
    expect(error).toMatchObject({
      code: "UPSTREAM_UNREACHABLE",
      message: expect.stringContaining("another name"),
    });
  });

  it("of nobody we know leads to --ca", async () => {
    const { url } = await site({ files });
    const error = await failureOf(upstreamAt({ url }).item("item"));
    expect(error).toMatchObject({ code: "UPSTREAM_UNREACHABLE", hint: expect.stringContaining("--ca") });
  });
});

describe("an address", () => {
  it.each([
    "http://images.example",
    "http://10.0.0.1/",
    "ftp://x",
    "file:///etc",
    "nonsense",
    "https://x/?a",
    "https://x/#a",
  ])("like %s is no upstream's", (url) => {
    expect(() => upstreamAt({ url })).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  it("where nothing listens, or that does not exist, is told as that", async () => {
    const there = await site({ files });
    await there.close();
    expect(await failureOf(upstreamAt(there).document(INDEX))).toMatchObject({
      code: "UPSTREAM_UNREACHABLE",
      message: expect.stringContaining("nothing listens there"),
    });
    const nowhere = upstreamAt({ url: "https://no-such-host.invalid" });
    expect(await failureOf(nowhere.document(INDEX))).toMatchObject({ code: "UPSTREAM_UNREACHABLE" });
  });

  it("where something listens that never speaks TLS is given up", async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => {
      mute.listen(0, "127.0.0.1", resolve);
    });
    const { port } = mute.address() as AddressInfo;
    const upstream = upstreamAt({ url: `https://127.0.0.1:${port}` }, {}, { connectMs: 200 });
    const error = await failureOf(upstream.document(INDEX));
    expect(error.message).toContain("no connection within");
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
});

describe("credentials", () => {
  it("go to the upstream, and into no error", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there, { credentials });
    await upstream.document(INDEX);
    const { body } = await upstream.item("item");
    body.destroy();
    expect(there.log.map(({ hasAuthorization }) => hasAuthorization)).toEqual([true, true]);
    expect(there.log[0]?.headers["authorization"]).toBe(
      `Basic ${Buffer.from(`ali:${PASSWORD}`).toString("base64")}`,
    );
    for (const how of [
      { kind: "status", status: 500 },
      { kind: "truncate", at: 1 },
      { kind: "html" },
    ] as const) {
      there.misbehave(INDEX, how);
      const told = inspect(await failureOf(upstream.document(INDEX)), { depth: 9, showHidden: true });
      expect(told).not.toContain(PASSWORD);
      expect(told).not.toContain(Buffer.from(`ali:${PASSWORD}`).toString("base64"));
    }
  });

  it("in the address itself show up nowhere", async () => {
    const there = await site({ files });
    const upstream = upstreamAt({ url: there.url.replace("//", "//ali:opensesame@"), ca: there.ca });
    expect(upstream.url).toBe(there.url);
    there.misbehave(INDEX, { kind: "html" });
    const told = inspect(await failureOf(upstream.document(INDEX)), { depth: 9, showHidden: true });
    expect(told).not.toContain("opensesame");
  });
});

describe("a proxy", () => {
  it("named by HTTPS_PROXY is used, for https and other hosts than this one, and the upstream's certificate still counts", async () => {
    const there = await site({ files, names: ["public.example"] });
    const proxy = endsWithTest(await startProxy(new Map([["public.example:443", there.port]])));
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    const upstream = upstreamAt({ url: "https://public.example", ca: there.ca });
    expect(await upstream.document(INDEX)).toMatchObject({ kind: "fresh" });
    expect((await bytesOf((await upstream.item("item")).body)).toString()).toBe("bytes");
    expect(await failureOf(upstreamAt({ url: "https://public.example" }).document(INDEX))).toMatchObject({
      hint: expect.stringContaining("--ca"),
    });
    expect(await upstreamAt(there).document(INDEX)).toMatchObject({ kind: "fresh" });
    expect(new Set(proxy.asked)).toEqual(new Set(["public.example:443"]));
  });

  it("is spared where NO_PROXY says so", async () => {
    const proxy = endsWithTest(await startProxy(new Map()));
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    vi.stubEnv("NO_PROXY", "other.example, .invalid");
    await failureOf(upstreamAt({ url: "https://images.invalid" }).document(INDEX));
    expect(proxy.asked).toEqual([]);
  });

  it("that never answers is given up, and so when we are told to stop", async () => {
    const proxy = endsWithTest(await startProxy(new Map()));
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    const url = "https://public.example";
    const error = await failureOf(upstreamAt({ url }, {}, { connectMs: 200 }).document(INDEX));
    expect(error).toMatchObject({ code: "UPSTREAM_UNREACHABLE" });
    const signal = AbortSignal.timeout(100);
    await expect(upstreamAt({ url }).document(INDEX, { signal })).rejects.toThrow();
    expect(proxy.asked).toHaveLength(2);
  });

  it("that cannot be one is a fault of the configuration, told without its password", async () => {
    vi.stubEnv("HTTPS_PROXY", "ali:opensesame@proxy:3128:1");
    const error = await failureOf(upstreamAt({ url: "https://public.example" }).document(INDEX));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(inspect(error, { depth: 9 })).not.toContain("opensesame");
  });
});

describe("a redirect", () => {
  it("of a document stays on its host", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there, { credentials });
    there.misbehave("old.json", { kind: "redirect", to: `/${INDEX}` });
    expect(await upstream.document("old.json")).toMatchObject({ kind: "fresh" });
    expect(there.log.every(({ hasAuthorization }) => hasAuthorization)).toBe(true);
    const elsewhere = [
      "https://other.example/x.json",
      `https://localhost:${there.port}/${INDEX}`,
      `http://127.0.0.1:${there.port}/${INDEX}`,
      "https://127.0.0.1:1/x.json",
      "//other.example/x.json",
      "file:///etc/passwd",
    ];
    for (const to of elsewhere) {
      there.misbehave("old.json", { kind: "redirect", to });
      const error = await failureOf(upstream.document("old.json"));
      expect(error).toMatchObject({ code: "UPSTREAM_REFUSED", message: expect.stringContaining("redirect") });
    }
  });

  it("in a loop is noticed, and a long chain is given up", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    there.misbehave("a", { kind: "redirect", to: "/b" });
    there.misbehave("b", { kind: "redirect", to: "/a" });
    expect((await failureOf(upstream.item("a"))).message).toContain("loop");
    expect(there.log).toHaveLength(2);
    for (let step = 1; step <= 6; step++) {
      there.misbehave(`s${step}`, { kind: "redirect", to: step === 6 ? "/item" : `/s${step + 1}` });
    }
    expect(await failureOf(upstream.item("s1"))).toMatchObject({ code: "UPSTREAM_REFUSED" });
    expect((await bytesOf((await upstream.item("s2")).body)).toString()).toBe("bytes");
  });

  it("of an item to another host is followed without credentials", async () => {
    const authority = await makeAuthority();
    const store = await site({ files, authority, names: ["files.example"] });
    const there = await site({ authority, names: ["public.example"] });
    const ports = new Map([
      ["public.example:443", there.port],
      ["files.example:443", store.port],
    ]);
    vi.stubEnv("HTTPS_PROXY", endsWithTest(await startProxy(ports)).url);
    there.misbehave("item", { kind: "redirect", to: "https://bob:secret@files.example/item" });
    const upstream = upstreamAt({ url: "https://public.example", ca: authority.ca }, { credentials });
    const { body } = await upstream.item("item", { from: 2 });
    expect((await bytesOf(body)).toString()).toBe("tes");
    expect(there.log).toMatchObject([{ hasAuthorization: true }]);
    expect(store.log).toMatchObject([{ hasAuthorization: false, range: "bytes=2-" }]);
  });

  it("of an item never leads a public upstream's readers into the local network, by address or by name", async () => {
    const inside = await site({ files });
    const there = await site({ files, names: ["public.example"] });
    vi.stubEnv(
      "HTTPS_PROXY",
      endsWithTest(await startProxy(new Map([["public.example:443", there.port]]))).url,
    );
    vi.stubEnv("NO_PROXY", "*.nothing,169.254.169.254,10.0.0.1,[::1],[::ffff:10.0.0.1],0.0.0.0");
    const upstream = upstreamAt({ url: "https://public.example", ca: there.ca });
    const hosts = [
      "127.0.0.1",
      "localhost",
      "[::1]",
      "2130706433",
      "0x7f.1",
      "[::ffff:127.0.0.1]",
      "0.0.0.0",
    ];
    const targets = hosts.map((host) => `https://${host}:${inside.port}/item`);
    for (const to of [...targets, "https://169.254.169.254/x", "https://10.0.0.1/x"]) {
      there.misbehave("item", { kind: "redirect", to });
      expect(await failureOf(upstream.item("item")), to).toMatchObject({
        code: "UPSTREAM_REFUSED",
        message: expect.stringContaining("private address"),
        hint: expect.stringContaining("--allow-redirect"),
      });
    }
    expect(inside.connections()).toBe(0);
  });

  it("goes to such a host when the operator allows it, or when the upstream is at such an address itself", async () => {
    const authority = await makeAuthority();
    const inside = await site({ files, authority });
    const there = await site({ authority, names: ["public.example"] });
    const ports = new Map([["public.example:443", there.port]]);
    vi.stubEnv("HTTPS_PROXY", endsWithTest(await startProxy(ports)).url);
    there.misbehave("item", { kind: "redirect", to: `${inside.url}/item` });
    const { ca } = authority;
    const allowed = upstreamAt({ url: "https://public.example", ca }, { allowRedirect: ["127.0.0.1"] });
    const own = upstreamAt({ url: there.url, ca });
    for (const upstream of [allowed, own]) {
      expect((await bytesOf((await upstream.item("item")).body)).toString()).toBe("bytes");
    }
  });
});
