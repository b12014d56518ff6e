import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { withBandwidth } from "../../src/upstream/with-bandwidth.ts";
import { fakeUpstream } from "./fake-upstream.ts";
import { bytesOf } from "./open.ts";

/** Time that passes only while somebody waits: what is waited for at once passes at once. */
function clockOf(): { now: () => number; wait: (ms: number) => Promise<void>; at: number } {
  const clock = {
    at: 0,
    now: () => clock.at,
    wait: async (ms: number) => {
      const until = clock.at + ms;
      await new Promise((resolve) => setImmediate(resolve));
      clock.at = Math.max(clock.at, until);
    },
  };
  return clock;
}

describe("an upstream with a limit", () => {
  it("lets all items together come no faster, and every byte come", async () => {
    const bytes = randomBytes(1_000_000);
    const clock = clockOf();
    const upstream = withBandwidth(fakeUpstream("https://a", bytes), 500_000, clock);
    const both = await Promise.all([upstream.item("x"), upstream.item("y")]);
    const came = await Promise.all(both.map(({ body }) => bytesOf(body)));
    expect(came.every((each) => each.equals(bytes))).toBe(true);
    // Two megabytes at half a megabyte per second, less what may come at once.
    expect(clock.at).toBeGreaterThan(3700);
    expect(clock.at).toBeLessThan(4300);
  });

  it("saves nothing up while nobody asks", async () => {
    const clock = clockOf();
    const upstream = withBandwidth(fakeUpstream("https://a", randomBytes(1_000_000)), 500_000, clock);
    clock.at = 3_600_000;
    await bytesOf((await upstream.item("x")).body);
    expect(clock.at - 3_600_000).toBeGreaterThan(1700);
  });

  it("holds no document up", async () => {
    const clock = clockOf();
    const upstream = withBandwidth(fakeUpstream("https://a", randomBytes(1_000_000)), 1, clock);
    expect(await upstream.document("x")).toMatchObject({ kind: "fresh" });
    expect(clock.at).toBe(0);
  });

  it("passes the end of a body on in both directions: broken there, not wanted here", async () => {
    const inner = new PassThrough();
    const fake = {
      ...fakeUpstream("https://a"),
      item: async () => ({ from: 0, size: 9, validators: {}, body: inner }),
    };
    const upstream = withBandwidth(fake, 1e6, clockOf());
    const { body } = await upstream.item("x");
    body.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(inner.destroyed).toBe(true);
    const broken = new PassThrough();
    const other = withBandwidth(
      { ...fake, item: async () => ({ from: 0, size: 9, validators: {}, body: broken }) },
      1e6,
      clockOf(),
    );
    const answer = await other.item("x");
    broken.write("four");
    setImmediate(() => broken.destroy(new Error("cut")));
    await expect(bytesOf(answer.body)).rejects.toThrow("cut");
  });
});
