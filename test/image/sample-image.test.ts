import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from "vitest";
import {
  type SampleArchitecture,
  sampleHello,
  sampleImage,
  sampleInit,
} from "../../src/image/sample/sample-image.ts";
import { STOP_SIGNALS } from "../../src/image/sample/signals.ts";
import { needProgram, through } from "./programs.ts";
import { temporaryFolder } from "./tiny-image.ts";

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => folder.remove());

const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill("SIGKILL");
  started.clear();
});

const architectures = ["x86_64", "aarch64"] as const;
const here = { x64: "x86_64", arm64: "aarch64" }[process.arch as string];

/** How to run a program of that architecture: itself, or through QEMU's user mode. */
function runner(context: TestContext, architecture: SampleArchitecture): string[] {
  if (process.platform !== "linux") context.skip("the programs are for Linux");
  if (architecture === here) return [];
  needProgram(context, `qemu-${architecture}-static`);
  return [`qemu-${architecture}-static`];
}

async function program(name: string, bytes: Buffer): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, bytes);
  await chmod(path, 0o755);
  return path;
}

/** The number of rt_sigtimedwait on the machine that runs the tests. */
const waitsForSignals = process.arch === "x64" ? "128 " : "137 ";

/** Starts the init and waits until it waits for signals. */
async function startInit(context: TestContext, architecture: SampleArchitecture): Promise<ChildProcess> {
  const path = await program(`init-${architecture}`, sampleInit(architecture));
  const [command, ...args] = [...runner(context, architecture), path];
  const child = spawn(command, args, { stdio: "inherit" });
  started.add(child);
  const failed = once(child, "error").then(([cause]) => Promise.reject(cause as Error));
  failed.catch(() => undefined);
  for (;;) {
    const call = await readFile(`/proc/${child.pid}/syscall`, "utf8").catch(() => "");
    if (call.startsWith(waitsForSignals)) return child;
    await Promise.race([setTimeout(5), failed]);
  }
}

describe("the sample image", () => {
  it("has a few kilobytes, and the same bytes every time", async () => {
    for (const architecture of architectures) {
      const first = await sampleImage(architecture);
      const second = await sampleImage(architecture);
      expect(first.metadata.equals(second.metadata) && first.root.equals(second.root)).toBe(true);
      expect(first.metadata.length + first.root.length).toBeLessThan(20_000);
    }
  });

  it("unpacks with standard tools into a root with an init", async (context) => {
    needProgram(context, "tar");
    for (const architecture of architectures) {
      const { metadata, root } = await sampleImage(architecture);
      const names = (await through(root, "tar", "-tzf", "-")).toString().split("\n");
      for (const name of ["sbin/init", "bin/hello", "dev/", "proc/", "sys/", "tmp/", "etc/hostname"]) {
        expect(names).toContain(name);
      }
      const yaml = await through(metadata, "tar", "-xzOf", "-", "metadata.yaml");
      expect(yaml.toString()).toContain(`architecture: ${architecture}\n`);
    }
  });

  it.for(architectures)("says hello on %s", async (architecture, context) => {
    const path = await program(`hello-${architecture}`, sampleHello(architecture));
    const [command, ...args] = [...runner(context, architecture), path];
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "Hello from Headwater\n", stderr: "" });
  });

  it.for(architectures)("has an init that ends when told to on %s", async (architecture, context) => {
    for (const signal of STOP_SIGNALS) {
      // QEMU keeps the last real-time signals for itself.
      if (architecture !== here && signal > 36) continue;
      const init = await startInit(context, architecture);
      init.kill("SIGHUP");
      init.kill("SIGWINCH");
      await setTimeout(20);
      expect(init.exitCode).toBeNull();
      const ended = once(init, "exit");
      process.kill(init.pid ?? 0, signal);
      expect(await ended).toEqual([0, null]);
    }
  });

  it("collects the dead as PID 1, and ends the container when told to", async (context) => {
    if (process.platform !== "linux" || here === undefined) context.skip("no sample for this machine");
    const isolated = ["--fork", "--pid", "--mount-proc", "--kill-child"];
    if (spawnSync("unshare", [...isolated, "true"]).status !== 0) {
      context.skip("unshare may not make a PID namespace here");
    }
    const init = await program("init", sampleInit(here === "x86_64" ? "x86_64" : "aarch64"));
    // The children are made before the shell becomes the init, and die as its children, one of them a grandchild.
    const script = `(sleep 0.05 & sleep 0.1 &) ; sleep 0.15 & exec ${init}`;
    const container = spawn("unshare", [...isolated, "sh", "-c", script], { stdio: "inherit" });
    started.add(container);
    const ended = once(container, "exit");
    const pid = await childOf(container.pid ?? 0, init);
    await expect.poll(async () => childrenOf(pid), { timeout: 5000 }).toEqual([]);
    process.kill(pid, 30);
    expect(await ended).toEqual([0, null]);
  });
});

async function childrenOf(pid: number): Promise<string[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = tasks.map(async (task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8"));
  return (await Promise.all(lists))
    .join(" ")
    .split(" ")
    .filter((child) => child !== "");
}

/** The child of a process, once it runs a program. */
async function childOf(parent: number, program: string): Promise<number> {
  for (;;) {
    const [child] = await childrenOf(parent).catch(() => []);
    const command = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "");
    if (command.startsWith(program)) return Number(child);
    await setTimeout(5);
  }
}
