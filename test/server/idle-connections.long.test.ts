import { execFileSync, spawn } from "node:child_process";
import { afterEach, expect, it } from "vitest";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { ask } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, someBytes, startSite, until } from "./site.ts";

const COUNT = 10_000;
const ROOT = someBytes(600_000, 4);

/** Opens connections, asks once on each and then keeps quiet; in a process of its own, since descriptors are counted by process. */
const CLIENT = `
const { connect } = require("node:net");
const [port, count] = process.argv.slice(1).map(Number);
let answered = 0;
async function open() {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.write("GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
  socket.once("data", () => { answered += 1; if (answered === count) process.stdout.write("idle"); });
}
(async () => {
  for (let done = 0; done < count; done += 100) await Promise.all(Array.from({ length: 100 }, open));
})();
`;

let site: Site | undefined;
afterEach(() => site?.close());

const openFiles = Number(execFileSync("sh", ["-c", "ulimit -n"]).toString().replace("unlimited", "1000000"));

it.skipIf(openFiles < COUNT + 1000)(
  `answers next to 10,000 idle connections (needs ulimit -n of ${COUNT + 1000}, here ${openFiles})`,
  async () => {
    const store = createMemoryStore();
    await publish(store, { root: ROOT });
    site = await startSite({ store });
    const { port, ca, server, proxied } = site;
    const before = process.memoryUsage().rss;
    const child = spawn(process.execPath, ["-e", CLIENT, String(proxied), String(COUNT)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      expect(server.counters.connections).toBe(COUNT);
      for (let round = 0; round < 20; round++) {
        expect((await ask("/images/root", { port, ca })).body.equals(ROOT)).toBe(true);
      }
      const megabytes = (process.memoryUsage().rss - before) / 2 ** 20;
      expect(megabytes).toBeLessThan(400);
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    await until(() => server.counters.connections === 0);
  },
);
