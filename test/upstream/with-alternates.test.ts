import { describe, expect, it } from "vitest";
import { withAlternates } from "../../src/upstream/with-alternates.ts";
import { fakeUpstream, refusedWith, unreachableNow, wrongAnswer } from "./fake-upstream.ts";

function three(): {
  readonly fakes: readonly ReturnType<typeof fakeUpstream>[];
  readonly upstream: ReturnType<typeof withAlternates>;
  readonly clock: { now: number };
  readonly askedOf: () => number[];
} {
  const [a, b, c] = [fakeUpstream("https://a"), fakeUpstream("https://b"), fakeUpstream("https://c")];
  const clock = { now: 0 };
  return {
    fakes: [a, b, c],
    clock,
    upstream: withAlternates([a, b, c], () => clock.now),
    askedOf: () => [a, b, c].map(({ asked }) => asked.length),
  };
}

describe("an upstream with several addresses", () => {
  it("asks the next one when one has trouble, stays with it, and after a while begins at the first again", async () => {
    const { fakes, upstream, clock, askedOf } = three();
    expect(upstream.url).toBe("https://a");
    fakes[0]?.failNext(unreachableNow());
    fakes[1]?.failNext(refusedWith(503));
    expect(await upstream.document("x")).toMatchObject({ validators: { etag: '"https://c"' } });
    await upstream.item("x");
    expect(askedOf()).toEqual([1, 1, 2]);
    clock.now += 3_600_000;
    await upstream.document("x");
    expect(askedOf()).toEqual([2, 1, 2]);
  });

  it("goes round once, and then fails", async () => {
    const { fakes, upstream, askedOf } = three();
    for (const fake of fakes) fake.failNext(unreachableNow());
    await expect(upstream.item("x")).rejects.toMatchObject({ code: "UPSTREAM_UNREACHABLE" });
    expect(askedOf()).toEqual([1, 1, 1]);
  });

  it("does not look elsewhere for another answer", async () => {
    const { fakes, upstream, askedOf } = three();
    for (const answer of [wrongAnswer(), refusedWith(404), refusedWith(403)]) {
      fakes[0]?.failNext(answer);
      await expect(upstream.item("x")).rejects.toBe(answer);
    }
    expect(askedOf()).toEqual([3, 0, 0]);
  });

  it("tells no server what another one said, but for a strong ETag", async () => {
    const { fakes, upstream } = three();
    const [a] = fakes;
    const date = "Thu, 01 Jan 2026 00:00:00 GMT";
    await upstream.document("x", { known: { etag: '"1"', lastModified: date } });
    await upstream.document("x", { known: { lastModified: date } });
    await upstream.item("x", { from: 3, validators: { etag: 'W/"1"', lastModified: date } });
    expect(a?.asked).toEqual([{ path: "x", known: { etag: '"1"' } }, { path: "x" }, { path: "x", from: 3 }]);
  });

  it("closes all of them, and is the upstream itself when it has one address", async () => {
    const { fakes, upstream } = three();
    await upstream.close();
    expect(fakes.every(({ isClosed }) => isClosed)).toBe(true);
    const only = fakeUpstream("https://a");
    expect(withAlternates([only])).toBe(only);
  });
});
