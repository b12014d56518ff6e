import { describe, expect, it } from "vitest";
import type { SendSlot } from "../../src/server/send-slots.ts";
import { SendSlots } from "../../src/server/send-slots.ts";

const never = new AbortController().signal;
const nothing = (): void => undefined;
const options = { limit: 2, queueLimit: 10, waitMs: 60_000, stalledMs: 60_000 };

describe("SendSlots", () => {
  it("lets clients take turns, each in its own order", async () => {
    const slots = new SendSlots(options);
    const held = [slots.tryAcquire(nothing), slots.tryAcquire(nothing)];
    const order: string[] = [];
    const ask = (client: string, name: string): Promise<SendSlot | undefined> =>
      slots.acquire(client, nothing, never).then((slot) => {
        order.push(name);
        return slot;
      });
    const asked = [
      ask("a", "a1"),
      ask("a", "a2"),
      ask("a", "a3"),
      ask("b", "b1"),
      ask("c", "c1"),
      ask("b", "b2"),
    ];
    expect([slots.active, slots.waiting, slots.tryAcquire(nothing)]).toEqual([2, 6, undefined]);
    let next = held[0];
    for (let step = 0; step < asked.length; step++) {
      const length = order.length;
      next?.release();
      next?.release();
      while (order.length === length) await new Promise((resolve) => setImmediate(resolve));
      next = await asked[["a1", "a2", "a3", "b1", "c1", "b2"].indexOf(order.at(-1) ?? "")];
    }
    expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
    expect([slots.active, slots.waiting]).toEqual([2, 0]);
  });

  it("cuts the send that has gone longest without progress, and only when somebody waits", async () => {
    const slots = new SendSlots({ ...options, stalledMs: 30 });
    const cut: string[] = [];
    const first = slots.tryAcquire(() => cut.push("first"));
    slots.tryAcquire(() => cut.push("second"));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(cut).toEqual([]);
    first?.progress();
    await slots.acquire("x", nothing, never);
    expect([cut, slots.active, slots.evicted]).toEqual([["second"], 2, 1]);
  });

  it("gives up on those who went away, came too late or are too many", async () => {
    const slots = new SendSlots({ ...options, queueLimit: 2, waitMs: 20, stalledMs: 60_000 });
    slots.tryAcquire(nothing);
    slots.tryAcquire(nothing);
    const gone = new AbortController();
    const leaving = slots.acquire("a", nothing, gone.signal);
    const late = slots.acquire("a", nothing, never);
    expect(await slots.acquire("b", nothing, never)).toBeUndefined();
    gone.abort();
    expect(await leaving).toBeUndefined();
    expect(await late).toBeUndefined();
    expect(slots.waiting).toBe(0);
  });
});
