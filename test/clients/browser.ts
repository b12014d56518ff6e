import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = "/usr/bin/chromium";

/** Why there is no browser here, as half a sentence. */
export function whyNoBrowser(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : "chromium is not installed (Debian package chromium)";
}

/**
 * A real Chromium with a folder of its own and no window. It reaches this machine only: everything else goes to a proxy that lets
 * nothing through, since no flag keeps Chromium 156 from asking for updates.
 */
export class Browser {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #wall: Server;

  private constructor(child: ChildProcess, folder: string, wall: Server) {
    this.#child = child;
    this.#folder = folder;
    this.#wall = wall;
  }

  static async open(url: string): Promise<Browser> {
    const folder = await mkdtemp(join(tmpdir(), "headwater-browser-"));
    const wall = createServer((_request, response) => response.writeHead(403).end());
    wall.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
    const { port } = await listening(wall);
    const flags = [
      "--headless",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-extensions",
      `--proxy-server=http://127.0.0.1:${port}`,
      `--user-data-dir=${folder}`,
      // Chromium refuses its sandbox to root, and nothing from outside is loaded.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ];
    // With the test worker the browser goes too, however that ends; its own processes end with it.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", CHROMIUM, ...flags, url], {
      env: { PATH: process.env["PATH"], LANG: "C.UTF-8", HOME: folder },
      stdio: "ignore",
    });
    await once(child, "spawn");
    return new Browser(child, folder, wall);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      const impatient = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
      this.#child.kill("SIGTERM");
      await ended;
      clearTimeout(impatient);
    }
    this.#wall.closeAllConnections();
    this.#wall.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** Starts a server on loopback, on any free port. */
export async function listening(server: Server): Promise<AddressInfo> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address() as AddressInfo;
}
