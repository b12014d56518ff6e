import { afterEach, describe, expect, it } from "vitest";
import { followDaemon } from "../../../src/intake/daemon/follow.ts";
import { FakeDaemon } from "./fake-daemon.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function follow(hasEvents: boolean) {
  const daemon = await FakeDaemon.start();
  daemon.hasEvents = hasEvents;
  const stop = new AbortController();
  const seen = { looks: 0, following: [] as boolean[], troubles: 0, fails: false };
  const done = followDaemon({
    connect: () => daemon.connect(),
    onChange: async () => {
      seen.looks += 1;
      if (seen.fails) throw new Error("trouble");
    },
    onTrouble: () => void (seen.troubles += 1),
    onFollowing: (_daemon, events) => void seen.following.push(events),
    signal: stop.signal,
    pollMs: 20,
  });
  ends.push(async () => {
    stop.abort();
    await done;
    await daemon.remove();
  });
  await expect.poll(() => seen.looks).toBeGreaterThan(0);
  return { daemon, seen, stop, done };
}

describe("following a daemon", () => {
  it("looks at the start and after each event about images, once for several that come together", async () => {
    const { daemon, seen } = await follow(true);
    expect(seen.following).toEqual([true]);
    daemon.tell("instance-started");
    daemon.tell("image-retrieved");
    daemon.tell("image-created");
    daemon.tell("image-alias-created");
    await expect.poll(() => seen.looks).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(seen.looks).toBe(2);
  });

  it("asks now and then where events are not told", async () => {
    const { seen } = await follow(false);
    expect(seen.following).toEqual([false]);
    await expect.poll(() => seen.looks).toBeGreaterThan(3);
  });

  it("comes back when the daemon does, and looks then", async () => {
    const { daemon, seen } = await follow(true);
    await daemon.stop();
    await expect.poll(() => seen.troubles).toBeGreaterThan(0);
    await daemon.start();
    await expect.poll(() => seen.looks, { timeout: 5000 }).toBe(2);
    expect(seen.following).toEqual([true, true]);
  });

  it("goes on after a look that failed", async () => {
    const { daemon, seen } = await follow(true);
    seen.fails = true;
    daemon.tell("image-created");
    await expect.poll(() => seen.troubles).toBeGreaterThan(0);
    seen.fails = false;
    const { looks } = seen;
    await expect.poll(() => seen.looks, { timeout: 5000 }).toBeGreaterThan(looks);
  });

  it("does not take a daemon that starts for one that tells nothing", async () => {
    const { daemon, seen } = await follow(true);
    await daemon.stop();
    daemon.refusal = "503 Service Unavailable";
    daemon.hasEvents = false;
    await daemon.start();
    await expect.poll(() => seen.troubles, { timeout: 5000 }).toBeGreaterThan(1);
    daemon.hasEvents = true;
    await expect.poll(() => seen.following, { timeout: 10_000 }).toEqual([true, true]);
  });

  it("ends when told to, and leaves no listener", async () => {
    const { daemon, stop, done } = await follow(true);
    stop.abort();
    await done;
    await expect.poll(() => daemon.listeners).toBe(0);
  });
});
