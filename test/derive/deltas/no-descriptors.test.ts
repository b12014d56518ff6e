import type * as Programs from "node:child_process";
import { ChildProcess } from "node:child_process";
import { expect, it, vi } from "vitest";
import { Xdelta3 } from "../../../src/derive/deltas/xdelta3.ts";

/** What Node does when there is no descriptor to spare: no pipes, and an event that ends the process unless somebody listens. */
vi.mock("node:child_process", async (original) => ({
  ...(await original<typeof Programs>()),
  spawn: (command: string) => {
    const child = Object.assign(new ChildProcess(), { spawnfile: command });
    process.nextTick(() => child.emit("error", new Error(`spawn ${command} EMFILE`)));
    return child;
  },
}));

it("a program that gets no descriptors fails alone, and the server goes on", async () => {
  const xdelta3 = new Xdelta3();
  const file = { fd: 0, close: async () => undefined };
  expect(() => xdelta3.decode(file)).toThrow("too many open files");
  expect(() => xdelta3.encode(file, 1, file)).toThrow("too many open files");
  expect(await xdelta3.isInstalled()).toBe(false);
  // An error that nobody listened to would have been thrown by now.
  await new Promise((resolve) => setImmediate(resolve));
});
