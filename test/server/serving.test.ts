import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { ask } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, sha256, someBytes, startSite, until, watchBlobs } from "./site.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";

const sites: Site[] = [];
async function site(...options: Parameters<typeof startSite>): ReturnType<typeof startSite> {
  const started = await startSite(...options);
  sites.push(started);
  return started;
}
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()));
});

const ROOT = someBytes(1_500_000, 7);
const META = someBytes(700, 3);

describe("documents", () => {
  it("are gzipped for those who accept it and plain for the others, under different tags", async () => {
    const { store, port, ca, server } = await site();
    await publish(store, { "debian/meta": META });
    await until(() => server.counters.generation === 1);
    const zipped = await ask("/streams/v1/index.json", { port, ca, headers: { "Accept-Encoding": "gzip" } });
    const plain = await ask("/streams/v1/index.json", { port, ca });
    expect(zipped.headers).toMatchObject({
      "content-encoding": "gzip",
      vary: "Accept-Encoding",
      "cache-control": "no-cache",
      "content-type": "application/json",
      "content-length": String(zipped.body.byteLength),
    });
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(gunzipSync(zipped.body)).toEqual(plain.body);
    expect(JSON.parse(plain.body.toString())).toMatchObject({ format: "index:1.0" });
    expect(zipped.headers.etag).toBe(`"${sha256(zipped.body)}"`);
    expect(plain.headers.etag).not.toBe(zipped.headers.etag);
    for (const { headers } of [zipped, plain]) {
      const accept = headers["content-encoding"] === "gzip" ? { "Accept-Encoding": "gzip" } : {};
      const again = await ask("/streams/v1/index.json", {
        port,
        ca,
        headers: { ...accept, "If-None-Match": headers.etag ?? "" },
      });
      expect([again.status, again.body.byteLength]).toEqual([304, 0]);
    }
  });

  it("are 503 with Retry-After while the store is empty", async () => {
    const { port, ca } = await site();
    const answer = await ask("/streams/v1/index.json", { port, ca });
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "10"]);
    expect((await ask("/healthz", { port, ca })).status).toBe(503);
  });
});

describe("image files", () => {
  it("come whole, byte by byte, with their length and never encoded", async () => {
    const { store, port, ca, server, proxied } = await site();
    await publish(store, { "debian/root": ROOT, "debian/empty": new Uint8Array(0) });
    await until(() => server.counters.generation === 1);
    for (const where of [{ port, ca }, { port: proxied }]) {
      const answer = await ask("/images/debian/root", { ...where, headers: { "Accept-Encoding": "gzip" } });
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        "content-type": "application/octet-stream",
        "content-length": String(ROOT.byteLength),
        "cache-control": expect.stringContaining("immutable"),
        etag: `"${sha256(ROOT)}"`,
      });
      expect(answer.headers["content-encoding"]).toBeUndefined();
      expect(answer.body.equals(ROOT)).toBe(true);
      const empty = await ask("/images/debian/empty", where);
      expect([empty.status, empty.headers["content-length"]]).toEqual([200, "0"]);
    }
  });

  it("answer conditions and parts by their hash", async () => {
    const { store, port, ca, server } = await site();
    await publish(store, { root: ROOT });
    await until(() => server.counters.generation === 1);
    const tag = `"${sha256(ROOT)}"`;
    const get = (headers: Record<string, string>, method = "GET") =>
      ask("/images/root", { port, ca, headers, method });
    expect((await get({ "If-None-Match": tag })).status).toBe(304);
    expect((await get({ "If-None-Match": '"other"' })).status).toBe(200);
    const part = await get({ Range: "bytes=-5", "If-Range": tag });
    expect([part.status, part.body]).toEqual([206, ROOT.subarray(-5)]);
    expect((await get({ Range: "bytes=-5", "If-Range": '"other"' })).body.equals(ROOT)).toBe(true);
    const head = await get({ Range: "bytes=0-4" }, "HEAD");
    expect([head.status, head.headers["content-length"]]).toEqual([200, String(ROOT.byteLength)]);
  });

  it("are not opened for HEAD", async () => {
    const watch = watchBlobs(createMemoryStore());
    await publish(watch.store, { "debian/root": ROOT });
    const { port, ca } = await site({ store: watch.store });
    const before = watch.opened;
    const answer = await ask("/images/debian/root", { port, ca, method: "HEAD" });
    expect([answer.status, answer.headers["content-length"], answer.body.byteLength]).toEqual([
      200,
      String(ROOT.byteLength),
      0,
    ]);
    expect(watch.opened).toBe(before);
  });
});
