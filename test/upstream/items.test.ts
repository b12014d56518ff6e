import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { Validators } from "../../src/upstream/upstream.ts";
import { failureOf } from "./failure.ts";
import { bytesOf, closeAll, site, upstreamAt } from "./open.ts";

const PATH = "images/debian/12/amd64/default/20260101_07:42/rootfs.squashfs";
const BYTES = randomBytes(200_000);
const files = new Map([[PATH, BYTES]]);

afterEach(closeAll);

describe("an item of an upstream", () => {
  it("comes as it is, with its size; a colon in its path stays one", async () => {
    const there = await site({ files });
    const answer = await upstreamAt(there).item(PATH);
    expect(answer).toMatchObject({ from: 0, size: BYTES.length });
    expect((await bytesOf(answer.body)).equals(BYTES)).toBe(true);
    expect(there.log).toMatchObject([{ path: PATH, headers: { "accept-encoding": "identity" } }]);
    expect(there.log[0]?.range).toBe(undefined);
  });

  it("is found below a base with a path, whatever characters its own has", async () => {
    const odd = "a b/ü+&=;,$@!'()*~/[x].img";
    const there = await site({ files: new Map([[`deep/er/${odd}`, "bytes"]]) });
    const upstream = upstreamAt({ url: `${there.url}/deep/er`, ca: there.ca });
    expect((await bytesOf((await upstream.item(odd)).body)).toString()).toBe("bytes");
    expect(upstream.url).toBe(`${there.url}/deep/er`);
  });

  it("goes on from any byte, and only of the file that was begun", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    const { validators, body } = await upstream.item(PATH);
    body.destroy();
    for (const from of [1, 99_999, BYTES.length - 1]) {
      const rest = await upstream.item(PATH, { from, validators });
      expect(rest).toMatchObject({ from, size: BYTES.length });
      expect((await bytesOf(rest.body)).equals(BYTES.subarray(from))).toBe(true);
    }
    const other = randomBytes(150_000);
    there.set(PATH, other);
    const changed = await upstream.item(PATH, { from: 1000, validators });
    expect(changed).toMatchObject({ from: 0, size: other.length });
    expect((await bytesOf(changed.body)).equals(other)).toBe(true);
  });

  it("goes on by its date when there is no strong ETag", async () => {
    const there = await site({ files });
    there.misbehave(PATH, { kind: "last-modified only" });
    const upstream = upstreamAt(there);
    const { validators, body } = await upstream.item(PATH);
    body.destroy();
    expect(validators.etag).toBe(undefined);
    const known: Validators[] = [validators, { etag: 'W/"1"', ...validators }];
    for (const each of known) {
      const rest = await upstream.item(PATH, { from: 10, validators: each });
      expect(rest.from).toBe(10);
      rest.body.destroy();
      expect(there.log.at(-1)?.headers["if-range"]).toBe(validators.lastModified);
    }
  });

  it("begins anew when upstream sends the whole, or has not as many bytes", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    there.misbehave(PATH, { kind: "ignores range" });
    const whole = await upstream.item(PATH, { from: 500 });
    expect(whole).toMatchObject({ from: 0, size: BYTES.length });
    expect((await bytesOf(whole.body)).equals(BYTES)).toBe(true);
    there.misbehave(PATH, undefined);
    const anew = await upstream.item(PATH, { from: BYTES.length + 5 });
    expect(anew.from).toBe(0);
    expect((await bytesOf(anew.body)).equals(BYTES)).toBe(true);
    expect(there.log.map(({ status }) => status)).toEqual([200, 416, 200]);
  });

  it("begins anew when a server that ignores If-Range sends a part of another file", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    const { validators, body } = await upstream.item(PATH);
    body.destroy();
    const other = randomBytes(180_000);
    there.misbehave(PATH, { kind: "changed etag", bytes: other });
    const answer = await upstream.item(PATH, { from: 1000, validators });
    expect(answer.from).toBe(0);
    expect((await bytesOf(answer.body)).equals(other)).toBe(true);
  });

  it.each([-1, 1, 500])("is not taken from a range %i bytes off", async (shift) => {
    const there = await site({ files });
    there.misbehave(PATH, { kind: "other range", shift });
    const error = await failureOf(upstreamAt(there).item(PATH, { from: 1000 }));
    expect(error).toMatchObject({ code: "UPSTREAM_WRONG", message: expect.stringContaining("from 1000") });
  });

  it.each(["bytes 10-20/15", "bytes 10-20", "pages 10-20/30", "bytes 10-*/30"])(
    "is not taken with the range %j",
    async (range) => {
      const there = await site({ files });
      there.misbehave(PATH, { kind: "status", status: 206, headers: { "Content-Range": range } });
      expect(await failureOf(upstreamAt(there).item(PATH, { from: 10 }))).toMatchObject({
        code: "UPSTREAM_WRONG",
      });
    },
  );

  it("is not taken encoded", async () => {
    const there = await site({ files });
    there.misbehave(PATH, { kind: "gzip" });
    expect(await failureOf(upstreamAt(there).item(PATH))).toMatchObject({
      code: "UPSTREAM_WRONG",
      message: expect.stringContaining('"gzip"'),
    });
  });

  it("keeps upstream's status when it is refused, and no status that means nothing", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there);
    for (const status of [403, 404, 410, 500, 503]) {
      there.misbehave(PATH, { kind: "status", status });
      expect(await failureOf(upstream.item(PATH))).toMatchObject({
        code: "UPSTREAM_REFUSED",
        details: { status },
      });
    }
    for (const status of [204, 206, 304]) {
      there.misbehave(PATH, { kind: "status", status });
      expect(await failureOf(upstream.item(PATH))).toMatchObject({ code: "UPSTREAM_WRONG" });
    }
  });

  it("ends with an error when it is cut or falls silent, not as if it were whole", async () => {
    const there = await site({ files });
    const upstream = upstreamAt(there, {}, { silenceMs: 150 });
    there.misbehave(PATH, { kind: "truncate", at: 70_000 });
    await expect((await upstream.item(PATH)).body.toArray()).rejects.toThrow();
    there.misbehave(PATH, { kind: "stalls", at: 70_000 });
    await expect((await upstream.item(PATH)).body.toArray()).rejects.toThrow("not a byte came");
  });

  it("is not cut while nobody reads it: then the upstream is not the slow one", async () => {
    const large = randomBytes(8_000_000);
    const there = await site({ files: new Map([[PATH, large]]) });
    const { body } = await upstreamAt(there, {}, { silenceMs: 50 }).item(PATH);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await bytesOf(body)).equals(large)).toBe(true);
  });
});
