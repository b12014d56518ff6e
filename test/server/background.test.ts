import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Background, BackgroundTask } from "../../src/server/background.ts";
import { startBackground } from "../../src/server/background.ts";
import { recordingLogger, until } from "./site.ts";

let folder: string;
const running: Background[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hw-background-"));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
  await rm(folder, { recursive: true });
});

async function start(task: Partial<BackgroundTask> = {}, socketPath: string = join(folder, "serve.sock")) {
  const log = recordingLogger();
  let runs = 0;
  const counting = { name: "count", everyMs: 10, run: async () => void (runs += 1), ...task };
  const background = await startBackground({ socketPath, tasks: [counting], log, retryMs: 10 });
  running.push(background);
  return { background, log, runs: () => runs };
}

describe("background work", () => {
  it("is done by one process at a time, and by the next one when that ends", async () => {
    const first = await start();
    const second = await start();
    await until(() => first.runs() > 3);
    expect([first.background.isHolder, second.background.isHolder, second.runs()]).toEqual([true, false, 0]);
    await first.background.close();
    await until(() => second.runs() > 0);
    expect(second.background.isHolder).toBe(true);
  });

  it("takes over a socket whose process was killed", async () => {
    const socketPath = join(folder, "serve.sock");
    const program = `require("net").createServer().listen(${JSON.stringify(socketPath)}, () => process.stdout.write("up"))`;
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const { background, runs } = await start();
    expect(background.isHolder).toBe(false);
    child.kill("SIGKILL");
    await until(() => runs() > 0);
    expect((await stat(socketPath)).isSocket()).toBe(true);
  });

  it("takes over a file that is no socket", async () => {
    await writeFile(join(folder, "serve.sock"), "left over");
    const { runs } = await start();
    await until(() => runs() > 0);
  });

  it("goes on after a task that fails, and says so", async () => {
    let tries = 0;
    const { log } = await start({
      run: async () => {
        tries += 1;
        if (tries === 1) throw new Error("no luck");
      },
    });
    await until(() => tries > 2);
    expect(log.lines).toMatchObject([{ level: "error", facts: { task: "count" } }]);
  });

  it("tells a running task to end, and waits for it", async () => {
    let state = "idle";
    const { background } = await start({
      run: (signal) =>
        new Promise((resolve) => {
          state = "running";
          signal.addEventListener("abort", () => {
            state = "ended";
            resolve();
          });
        }),
    });
    await until(() => state === "running");
    await background.close();
    expect(state).toBe("ended");
  });

  it("stops when its socket is somebody else's now", async () => {
    const { log, runs } = await start();
    await until(() => runs() > 0);
    await rm(join(folder, "serve.sock"));
    await until(() => log.lines.some(({ message }) => message.includes("another process")));
    await until(() => log.lines.length > 0 && runs() > 2);
  });

  it("finds its socket in a folder with a very long name", async () => {
    const deep = join(folder, "x".repeat(120), "y".repeat(120));
    await mkdir(deep, { recursive: true });
    const { runs } = await start({}, join(deep, "serve.sock"));
    await until(() => runs() > 0);
    expect((await stat(join(deep, "serve.sock"))).isSocket()).toBe(true);
  });

  it("is left out, with one line, where no socket can be made", async () => {
    const { background, log } = await start({}, join(folder, "none", "serve.sock"));
    expect(background.isHolder).toBe(false);
    expect(log.lines).toMatchObject([{ level: "warn" }]);
  });
});
