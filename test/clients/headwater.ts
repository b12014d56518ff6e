import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join, resolve } from "node:path";
import { freshPort } from "./fresh-port.ts";
import { type Outcome, attempt, run } from "./program.ts";
import { daemons } from "./user.ts";

/** The compiled command line, as the package ships it. */
const MAIN = resolve("dist/cli/main.js");

/** The product under test, with an empty store and home of its own: started and asked the way a person does it. */
export class Headwater {
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.data = join(folder, "store");
    this.env = { HOME: folder };
  }

  static async create(): Promise<Headwater> {
    return new Headwater(await mkdtemp(join(daemons().folder, "headwater-")));
  }

  run(...args: readonly string[]): Promise<string> {
    return run(process.execPath, [MAIN, ...args, "--data", this.data], { env: this.env });
  }

  attempt(...args: readonly string[]): Promise<Outcome> {
    return attempt(process.execPath, [MAIN, ...args, "--data", this.data], { env: this.env });
  }

  async json(...args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.run(...args, "--json"));
  }

  /** `headwater serve` on a free port; clients and daemons cache by URL, so every server has one of its own. */
  async serve(...args: readonly string[]): Promise<Serving> {
    const port = await freshPort();
    return Serving.start(
      ["serve", "--listen", `127.0.0.1:${port}`, "--data", this.data, ...args],
      this.env,
      `https://127.0.0.1:${port}`,
    );
  }

  /** The same on the IPv6 loopback address. */
  async serveOnIpv6(): Promise<Serving> {
    const port = await freshPort("::1");
    return Serving.start(
      ["serve", "--listen", `[::1]:${port}`, "--data", this.data],
      this.env,
      `https://[::1]:${port}`,
    );
  }

  /** For a TLS proxy that answers at `url`: in clear, on a loopback address. */
  async serveBehind(url: string, port: number): Promise<Serving> {
    return Serving.start(
      ["serve", "--listen", `http://127.0.0.1:${port}`, "--url", url, "--data", this.data],
      this.env,
      url,
    );
  }

  /**
   * As a server that is set up for good: address and listener are in the configuration, so that every command prints the
   * same address, one that both ends resolve.
   */
  async serveAsLocalhost(): Promise<Serving> {
    const port = await freshPort();
    await writeFile(
      join(this.data, "headwater.yaml"),
      `url: https://localhost:${port}\nlisten: ["127.0.0.1:${port}"]\n`,
    );
    return Serving.start(["serve", "--data", this.data], this.env, `https://127.0.0.1:${port}`);
  }

  /** `headwater demo`, which keeps its own store. */
  async demo(...args: readonly string[]): Promise<Serving> {
    const port = await freshPort();
    return Serving.start(
      ["demo", "--listen", `127.0.0.1:${port}`, ...args],
      this.env,
      `https://127.0.0.1:${port}`,
    );
  }
}

export class Serving {
  /** Where it is asked. */
  readonly url: string;
  private readonly child: ChildProcess;
  private printed = "";
  private ended: string | undefined;

  private constructor(child: ChildProcess, url: string) {
    this.child = child;
    this.url = url;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.printed += chunk.toString();
      });
    }
    child.once("exit", (code, signal) => {
      this.ended = `ended with ${code ?? signal}`;
    });
  }

  static async start(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    url: string,
  ): Promise<Serving> {
    // With the test worker the server goes too, however that ends.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", process.execPath, MAIN, ...args], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const serving = new Serving(child, url);
    const deadline = Date.now() + 30_000;
    for (;;) {
      const answer = await serving.get("/healthz").catch(() => undefined);
      if (answer?.status === 200) return serving;
      if (serving.ended !== undefined || Date.now() > deadline) {
        await serving.stop();
        throw new Error(
          `headwater ${args.join(" ")} ${serving.ended ?? "did not answer"}:\n${serving.printed}`,
        );
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** Everything it has printed so far, on both outputs. */
  output(): string {
    return this.printed;
  }

  async pem(): Promise<string> {
    return (await this.body("/ca.pem")).toString();
  }

  async document(path: string): Promise<string> {
    return (await this.body(path)).toString();
  }

  /** A document once it is another one than `before`: a server notices changes within a second or a few. */
  async changed(path: string, before: string): Promise<string> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const now = await this.document(path);
      if (now !== before) return now;
      if (Date.now() > deadline) throw new Error(`${path} did not change in 20 s`);
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  async body(path: string): Promise<Buffer> {
    const { status, body } = await this.get(path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body.toString()}`);
    return body;
  }

  /** What is there, whoever signed for it: trust is what the clients are tested for. */
  get(path: string): Promise<{ status: number; body: Buffer }> {
    return new Promise((done, failed) => {
      const outgoing = request(
        `${this.url}${path}`,
        { rejectUnauthorized: false, agent: false, timeout: 10_000 },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", failed);
          response.on("end", () => done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in 10 s")));
      outgoing.on("error", failed);
      outgoing.end();
    });
  }

  async stop(): Promise<void> {
    if (this.ended !== undefined) return;
    const exited = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGTERM");
    const hard = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    await exited;
    clearTimeout(hard);
  }
}
