import { describe, expect, it } from "vitest";
import { withRetry } from "../../src/upstream/with-retry.ts";
import { fakeUpstream, refusedWith, unreachableNow, wrongAnswer } from "./fake-upstream.ts";

function retried(): {
  fake: ReturnType<typeof fakeUpstream>;
  upstream: ReturnType<typeof withRetry>;
  waits: number[];
} {
  const fake = fakeUpstream("https://a");
  const waits: number[] = [];
  const wait = async (ms: number): Promise<void> => void waits.push(ms);
  return { fake, waits, upstream: withRetry(fake, { wait, random: () => 0.5 }) };
}

describe("an upstream that is asked again", () => {
  it("answers at the third try after trouble that passes, with longer pauses between", async () => {
    for (const trouble of [unreachableNow(), refusedWith(429), refusedWith(500), refusedWith(503)]) {
      const { fake, upstream, waits } = retried();
      fake.failNext(trouble, trouble);
      expect(await upstream.document("x")).toMatchObject({ kind: "fresh" });
      expect(fake.asked).toHaveLength(3);
      expect(waits).toEqual([500, 2000]);
      fake.failNext(trouble);
      expect((await upstream.item("x")).size).toBe(2);
    }
  });

  it("fails with what it said last when it stays in trouble", async () => {
    const { fake, upstream } = retried();
    fake.failNext(refusedWith(500), unreachableNow(), refusedWith(503));
    await expect(upstream.document("x")).rejects.toMatchObject({ details: { status: 503 } });
    expect(fake.asked).toHaveLength(3);
  });

  it("is asked once only where another answer is not to be expected", async () => {
    for (const answer of [wrongAnswer(), refusedWith(404), refusedWith(401), new Error("a bug")]) {
      const { fake, upstream } = retried();
      fake.failNext(answer);
      await expect(upstream.document("x")).rejects.toBe(answer);
      expect(fake.asked).toHaveLength(1);
    }
  });

  it("is left alone as long as it asks for, half a minute at most", async () => {
    const { fake, upstream, waits } = retried();
    fake.failNext(refusedWith(503, 7000), refusedWith(503, 3_600_000));
    await upstream.document("x");
    expect(waits).toEqual([7000, 30_000]);
  });

  it("is not asked again after the caller gave up, and the pause ends at once", async () => {
    const fake = fakeUpstream("https://a");
    const upstream = withRetry(fake);
    const controller = new AbortController();
    fake.failNext(refusedWith(503, 30_000));
    const work = upstream.document("x", { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 20);
    await expect(work).rejects.toThrow("enough");
    expect(fake.asked).toHaveLength(1);
  });
});
