import { afterEach, describe, expect, it } from "vitest";
import { failureOf } from "./failure.ts";
import type { Misbehaviour } from "./hostile-site.ts";
import { closeAll, site, upstreamAt } from "./open.ts";

const INDEX = "streams/v1/index.json";
const MIB = 1024 * 1024;
const files = new Map([[INDEX, '{"format":"index:1.0"}']]);

afterEach(closeAll);

describe("a document of an upstream", () => {
  it("comes whole, with what it is recognised by, under our own name and no other", async () => {
    const there = await site({ files });
    const answer = await upstreamAt(there).document(INDEX);
    expect(answer).toMatchObject({ kind: "fresh", validators: { etag: expect.stringMatching(/^"/) } });
    if (answer.kind === "fresh") expect(Buffer.from(answer.bytes).toString()).toBe('{"format":"index:1.0"}');
    expect(there.log).toMatchObject([
      { path: INDEX, userAgent: "Headwater/0.0.0", hasAuthorization: false, status: 200 },
    ]);
  });

  it("is unchanged when its ETag or its date is, and the connection is used again", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    const first = await upstream.document(INDEX);
    if (first.kind !== "fresh") throw new Error("expected the document");
    const { etag, lastModified } = first.validators;
    const asked = [{ etag: etag ?? "" }, { lastModified: lastModified ?? "" }, first.validators];
    for (const known of asked) {
      expect(await upstream.document(INDEX, { known })).toEqual({ kind: "unchanged" });
      // The connection is free when the end of the answer has been seen.
      await new Promise((resolve) => setImmediate(resolve));
    }
    there.set(INDEX, '{"a":2}');
    expect(await upstream.document(INDEX, { known: first.validators })).toMatchObject({ kind: "fresh" });
    expect(there.connections()).toBe(1);
  });

  it("is unpacked when it comes as gzip", async () => {
    const there = await site({ files });
    there.misbehave(INDEX, { kind: "gzip" });
    const answer = await upstreamAt(there).document(INDEX);
    expect(answer.kind === "fresh" && Buffer.from(answer.bytes).toString()).toBe('{"format":"index:1.0"}');
  });

  it.each([401, 403, 404, 410])("is absent when upstream says %i", async (status) => {
    const there = await site({ files });
    there.misbehave(INDEX, { kind: "status", status });
    expect(await upstreamAt(there).document(INDEX)).toEqual({ kind: "absent", status });
  });

  it.each<[string, Misbehaviour, string, RegExp]>([
    ["a page", { kind: "html" }, "UPSTREAM_WRONG", /expected JSON/],
    ["nothing", { kind: "other bytes", bytes: Buffer.alloc(0) }, "UPSTREAM_WRONG", /got nothing/],
    ["a body that is cut", { kind: "truncate", at: 5 }, "UPSTREAM_UNREACHABLE", /was cut/],
    ["a body shorter than announced", { kind: "stalls", at: 5 }, "UPSTREAM_UNREACHABLE", /not a byte/],
    ["damaged gzip", { kind: "broken gzip" }, "UPSTREAM_WRONG", /gzip/],
    ["no answer", { kind: "silent" }, "UPSTREAM_UNREACHABLE", /no answer/],
    ["a status that is no answer", { kind: "status", status: 206 }, "UPSTREAM_WRONG", /206/],
    ["trouble", { kind: "status", status: 503 }, "UPSTREAM_REFUSED", /503/],
    ["304 that was not asked for", { kind: "status", status: 304 }, "UPSTREAM_WRONG", /304/],
    ["10 GB announced", { kind: "announces", length: 1e10 }, "UPSTREAM_WRONG", /10000000000/],
    ["a byte now and then", { kind: "drip", bytes: 1, everyMs: 20 }, "UPSTREAM_UNREACHABLE", /did not come/],
    [
      "an encoding we cannot read",
      { kind: "status", status: 200, headers: { "Content-Encoding": "br" } },
      "UPSTREAM_WRONG",
      /"br"/,
    ],
  ])("is not taken: %s", async (_, how, code, message) => {
    const there = await site({ files });
    there.misbehave(INDEX, how);
    const upstream = upstreamAt(there, {}, { headersMs: 300, silenceMs: 200, documentMs: 250 });
    const error = await failureOf(upstream.document(INDEX));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.message).toContain(`${there.url}/${INDEX}`);
  });

  it("carries in its refusal how long the upstream wants to be left alone, a day at most", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    const asked = async (value: string): Promise<unknown> => {
      there.misbehave(INDEX, { kind: "status", status: 429, headers: { "Retry-After": value } });
      return (await failureOf(upstream.document(INDEX))).details["retryAfterMs"];
    };
    expect(await asked("7")).toBe(7000);
    expect(await asked("99999999")).toBe(24 * 3600 * 1000);
    expect(await asked("Thu, 01 Jan 2015 00:00:00 GMT")).toBe(0);
    expect(await asked("soon")).toBe(undefined);
  });

  it.each<[string, Misbehaviour]>([
    ["2 GB of JSON", { kind: "endless", bytes: 2 ** 31 }],
    ["2 GB in two megabytes of gzip", { kind: "gzip bomb", bytes: 2 ** 31 }],
  ])("of %s is given up at 64 MiB", async (_, how) => {
    const there = await site({ files });
    there.misbehave(INDEX, how);
    const before = process.memoryUsage().rss;
    const upstream = upstreamAt(there);
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 20);
    const error = await failureOf(upstream.document(INDEX));
    clearInterval(watch);
    expect(error).toMatchObject({
      code: "UPSTREAM_WRONG",
      message: expect.stringContaining("at most 67108864"),
    });
    expect(there.log[0]?.sent).toBeLessThan(100 * MIB);
    expect(most).toBeLessThan(400 * MIB);
  });

  it("that is nested deeply comes as it is: what reads it judges that", async () => {
    const there = await site({ files });
    there.misbehave(INDEX, { kind: "nested", levels: 100_000 });
    expect(await upstreamAt(there).document(INDEX)).toMatchObject({ kind: "fresh" });
  });

  it("with a signature is told from a page", async () => {
    const there = await site({ files: new Map([["a.sjson", "-----BEGIN PGP SIGNED MESSAGE-----\n"]]) });
    const upstream = upstreamAt(there);
    expect(await upstream.document("a.sjson")).toMatchObject({ kind: "fresh" });
    for (const path of ["a.sjson", "a.json.gpg", "a.asc"]) {
      there.misbehave(path, { kind: "html" });
      expect(await failureOf(upstream.document(path))).toMatchObject({ code: "UPSTREAM_WRONG" });
    }
    there.set("b.json.gpg", Buffer.from([0x89, 0x02, 0x33, 0x04]));
    expect(await upstream.document("b.json.gpg")).toMatchObject({ kind: "fresh" });
  });

  it("is stopped with its signal, before and after the answer", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    for (const how of [{ kind: "silent" }, { kind: "stalls", at: 3 }] as const) {
      there.misbehave(INDEX, how);
      const asked = there.log.length;
      const controller = new AbortController();
      const work = upstream.document(INDEX, { signal: controller.signal });
      work.catch(() => undefined);
      while (there.log.length === asked) await new Promise((resolve) => setTimeout(resolve, 5));
      controller.abort(new Error("enough"));
      await expect(work).rejects.toThrow();
    }
    await expect(
      upstream.document(INDEX, { signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
  });

  it.each(["//host/x.json", "http://host/x.json", "../x.json", "/x.json", "a\\b.json", "a%2fb.json"])(
    "is asked for at no path like %s",
    async (path) => {
      const there = await site({ files });
      expect(await failureOf(upstreamAt(there).document(path))).toMatchObject({ code: "PATH_UNSAFE" });
      expect(await failureOf(upstreamAt(there).item(path))).toMatchObject({ code: "PATH_UNSAFE" });
      expect(there.log).toEqual([]);
    },
  );
});
