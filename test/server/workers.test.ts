import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ensureCertificate } from "../../src/server/certificate.ts";
import { openDirectoryStore } from "../../src/store/directory/open.ts";
import { ask } from "./ask.ts";
import { publish, someBytes, until } from "./site.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
/** Workers are new Node processes, which need JavaScript; below the project, so that they find its dependencies. */
const dist = join(root, "node_modules", ".cache", "headwater-workers-test");
const ROOT = someBytes(3_000_000, 3);

let folder: string;
let data: string;
let ca: string;
beforeAll(async () => {
  // What does not type-check is still emitted, and is another test's concern.
  const words = ["-p", "tsconfig.build.json", "--outDir", dist, "--incremental", "false"];
  await run(join(root, "node_modules", ".bin", "tsc"), words, { cwd: root }).catch(() => undefined);
  folder = await mkdtemp(join(tmpdir(), "hw-workers-"));
  data = join(folder, "data");
  const store = await openDirectoryStore(data, { create: true });
  await publish(store, { root: ROOT });
  ca = (await ensureCertificate(join(data, "tls"), ["localhost"])).pem;
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(dist, { recursive: true, force: true });
});

interface Pool {
  readonly child: ChildProcess;
  readonly lines: { readonly level: string; readonly message: string; readonly [fact: string]: unknown }[];
  readonly exited: Promise<number | null>;
}

const pools: Pool[] = [];
afterEach(async () => {
  for (const { child, exited } of pools.splice(0)) {
    // Killed outright, it would leave a worker that is just starting to fail loudly.
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(late);
  }
});

function startPool(port: number, count = 2): Pool {
  const program = join(import.meta.dirname, "workers-program.mjs");
  const child = spawn(process.execPath, [program, dist, data, String(port), String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: Pool["lines"] = [];
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push(JSON.parse(part) as Pool["lines"][number]);
  });
  // Not "exit": what it said last may still be on its way then.
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const pool = { child, lines, exited };
  pools.push(pool);
  return pool;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function childrenOf(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    pids.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
      return Number(/\) \S (\d+)/.exec(stat)?.[1]) === pid ? [Number(name)] : [];
    }),
  );
  return parents.flat();
}

const ready = (pool: Pool): Promise<void> =>
  until(() => pool.lines.some(({ message }) => message === "ready"));

describe("workers", () => {
  it("serve on one port, count together, and end when told to, after their downloads", async () => {
    const port = await freePort();
    const pool = startPool(port);
    await ready(pool);
    expect(await childrenOf(pool.child.pid ?? 0)).toHaveLength(2);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask("/images/root", { port, ca })));
    for (const answer of answers) expect(answer.body.equals(ROOT)).toBe(true);
    await until(() => {
      pool.child.kill("SIGUSR2");
      return pool.lines.some(({ requests }) => requests === 10);
    });
    pool.child.kill("SIGTERM");
    expect(await pool.exited).toBe(0);
  });

  it("go on when a message to one that has just gone cannot be delivered", async () => {
    const port = await freePort();
    const pool = startPool(port);
    await ready(pool);
    pool.child.kill("SIGHUP");
    await until(() => pool.lines.some(({ message }) => message.includes("not delivered")));
    expect((await ask("/healthz", { port, ca })).status).toBe(200);
    pool.child.kill("SIGTERM");
    expect(await pool.exited).toBe(0);
  });

  it("are replaced when one dies, while the other serves", async () => {
    const port = await freePort();
    const pool = startPool(port);
    await ready(pool);
    const [victim = 0] = await childrenOf(pool.child.pid ?? 0);
    process.kill(victim, "SIGKILL");
    await until(() =>
      pool.lines.some(
        ({ message, pid }) => message.includes("another one takes its place") && pid === victim,
      ),
    );
    expect((await ask("/healthz", { port, ca })).status).toBe(200);
    await until(async () => (await childrenOf(pool.child.pid ?? 0)).length === 2);
    expect(await childrenOf(pool.child.pid ?? 0)).not.toContain(victim);
  });

  it("end when their primary is killed", async () => {
    const port = await freePort();
    const pool = startPool(port);
    await ready(pool);
    const children = await childrenOf(pool.child.pid ?? 0);
    pool.child.kill("SIGKILL");
    await pool.exited;
    await until(async () => {
      const left = await Promise.all(
        children.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")),
      );
      return left.every((stat) => stat === "" || / Z /.test(stat));
    });
    await expect(ask("/healthz", { port, ca })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("say once what keeps them from serving", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const pool = startPool((other.address() as AddressInfo).port);
    expect(await pool.exited).toBe(1);
    expect(pool.lines).toMatchObject([{ level: "error", code: "ADDRESS_IN_USE" }]);
    other.close();
  });
});
