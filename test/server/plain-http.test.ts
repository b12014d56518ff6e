import type { StreamRecord } from "../../src/store/generation.ts";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { mayGoInClear, redirectTarget } from "../../src/server/plain-http.ts";
import { ask } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, someBytes, startSite } from "./site.ts";

const ROOT = someBytes(5000, 1);

const sites: Site[] = [];
async function start(options: Parameters<typeof startSite>[0] = {}): Promise<Site> {
  const store = createMemoryStore();
  await publish(store, { root: ROOT });
  const site = await startSite({ store, ...options });
  sites.push(site);
  return site;
}
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()));
});

describe("plain HTTP on the port of TLS", () => {
  it("redirects documents to the address the operator gave, whatever host was asked for", async () => {
    const { port } = await start();
    for (const path of ["/streams/v1/index.json", "/", "/nothing?x=1", "//evil.example/x"]) {
      const answer = await ask(path, { port, headers: { Host: "evil.example" } });
      expect(answer.status).toBe(308);
      expect(answer.headers.location).toBe(`https://images.example:8443${path.replace(/^\/+/, "/")}`);
    }
  });

  it("without such an address redirects to the host that was asked for only when it is in the certificate", async () => {
    const { port } = await start({ url: undefined });
    const own = await ask("/streams/v1/index.json", { port, headers: { Host: `images.example:${port}` } });
    expect([own.status, own.headers.location]).toEqual([
      308,
      `https://images.example:${port}/streams/v1/index.json`,
    ]);
    for (const host of [
      "evil.example",
      "images.example.evil.example",
      "images.example@evil.example",
      "[::2]",
    ]) {
      const answer = await ask("/streams/v1/index.json", { port, headers: { Host: host } });
      expect([host, answer.status, answer.headers.location]).toEqual([host, 403, undefined]);
    }
  });

  it("refuses home-made image files at once, so that clients go on to TLS", async () => {
    const { port, ca } = await start();
    const answer = await ask("/images/root", { port });
    expect([answer.status, answer.body.toString()]).toEqual([403, "This file is sent over https only.\n"]);
    expect((await ask("/images/root", { port, ca })).body.equals(ROOT)).toBe(true);
  });

  it("sends them when told to send all, and documents still not", async () => {
    const { port } = await start({ plain: "all" });
    expect((await ask("/images/root", { port })).body.equals(ROOT)).toBe(true);
    expect((await ask("/streams/v1/index.json", { port })).status).toBe(308);
  });

  it("answers health checks", async () => {
    const { port } = await start();
    expect((await ask("/healthz", { port })).status).toBe(200);
  });
});

describe("a full plain listener", () => {
  it("sends everything", async () => {
    const { proxied } = await start();
    for (const path of ["/images/root", "/streams/v1/index.json", "/", "/ca.pem", "/healthz"]) {
      expect((await ask(path, { port: proxied })).status).toBe(200);
    }
  });
});

describe("mayGoInClear", () => {
  const own: StreamRecord = { name: "images", origin: "own", products: [], hidden: [] };
  const upstream = {
    url: "https://images.example",
    isPublic: true,
    isVerbatim: true,
    aliasPrefix: "",
    twins: true,
    offline: false,
    fetchedAt: "2026-11-24T00:00:00Z",
  };
  const cached: StreamRecord = { ...own, name: "up", origin: "cache", upstream };
  const closed: StreamRecord = { ...cached, upstream: { ...upstream, isPublic: false } };

  it("keeps home-made files back unless told otherwise", () => {
    expect(mayGoInClear("upstream", own)).toBe(false);
    expect(mayGoInClear("upstream", undefined)).toBe(false);
    expect(mayGoInClear("all", own)).toBe(true);
    expect(mayGoInClear("off", own)).toBe(false);
  });

  it("sends what is public at its upstream, and not what needs a password there", () => {
    expect(mayGoInClear("upstream", cached)).toBe(true);
    expect(mayGoInClear("upstream", closed)).toBe(false);
    expect(mayGoInClear("off", cached)).toBe(false);
  });
});

describe("redirectTarget", () => {
  it("knows an IPv6 address however it is written", () => {
    const ours = { url: undefined, names: ["::1"] };
    expect(redirectTarget("/x", "[0:0::1]:8443", ours)).toBe("https://[0:0::1]:8443/x");
    expect(redirectTarget("/x", "[::2]:8443", ours)).toBeUndefined();
  });

  it("keeps the path of an address behind a proxy", () => {
    expect(redirectTarget("/x", undefined, { url: "https://a.example/hw/", names: [] })).toBe(
      "https://a.example/hw/x",
    );
  });
});
