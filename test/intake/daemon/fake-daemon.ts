import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { DaemonConnection } from "../../../src/intake/daemon/connection.ts";
import { Daemon } from "../../../src/intake/daemon/daemon.ts";

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface FakeImage {
  readonly fingerprint: string;
  readonly metadata?: Buffer;
  /** The root, or the whole image when there is no metadata. */
  readonly root: Buffer;
  readonly type: "container" | "virtual-machine";
  /** Fields of the image as the API tells it, over the usual ones. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface FakeImageOptions {
  readonly aliases?: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly isSplit?: boolean;
  readonly root?: Buffer;
}

export const PROPERTIES = { os: "Debian", release: "bookworm", variant: "default", serial: "20260101_0524" };

/** An image of made-up bytes, like one that was published from a Debian container. */
export function fakeImage(seed: string, options: FakeImageOptions = {}): FakeImage {
  const { aliases = [seed], properties = PROPERTIES, fields = {}, isSplit = false } = options;
  const root =
    options.root ??
    Buffer.from(isSplit ? `hsqs root of ${seed} `.repeat(5000) : `image ${seed} `.repeat(5000));
  const metadata = isSplit ? Buffer.from(`metadata of ${seed}`) : undefined;
  return {
    fingerprint: sha256(metadata === undefined ? root : Buffer.concat([metadata, root])),
    ...(metadata === undefined ? {} : { metadata }),
    root,
    type: "container",
    fields: {
      type: "container",
      architecture: "x86_64",
      aliases: aliases.map((name) => ({ name, description: "" })),
      properties,
      public: false,
      cached: false,
      created_at: "2026-11-20T10:11:12.123456789Z",
      uploaded_at: "2026-11-20T10:11:13Z",
      expires_at: "0001-01-01T00:00:00Z",
      size: root.byteLength + (metadata?.byteLength ?? 0),
      ...fields,
    },
  };
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** As much of a daemon as a pull talks to, on a Unix socket of its own; a test may make it misbehave. */
export class FakeDaemon {
  images: FakeImage[] = [];
  /** Answers instead of the daemon; by path without the query. */
  readonly instead = new Map<string, Handler>();
  readonly asked: string[] = [];
  readonly folder: string;
  readonly socket: string;
  name = "build1";
  hasEvents = true;
  /** How it answers those who may not listen. */
  refusal = "403 Forbidden";
  #server: Server | undefined;
  #events: WebSocketServer | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.socket = join(folder, "unix.socket");
  }

  static async start(...images: readonly FakeImage[]): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(await mkdtemp(join(tmpdir(), "hw-daemon-")));
    daemon.images = [...images];
    await daemon.start();
    return daemon;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    const events = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      if (this.hasEvents) events.handleUpgrade(request, socket, head, () => undefined);
      else socket.end(`HTTP/1.1 ${this.refusal}\r\nContent-Length: 0\r\n\r\n`);
    });
    this.#events = events;
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socket, resolve));
  }

  /** Ends it at once, as a kill does. */
  async stop(): Promise<void> {
    for (const client of this.#events?.clients ?? []) client.terminate();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    this.#server = undefined;
    await rm(this.socket, { force: true });
  }

  async remove(): Promise<void> {
    if (this.#server !== undefined) await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** How many listen to its events. */
  get listeners(): number {
    return this.#events?.clients.size ?? 0;
  }

  tell(action: string): void {
    const event = JSON.stringify({ type: "lifecycle", metadata: { action } });
    for (const client of this.#events?.clients ?? []) client.send(event);
  }

  connect(): Promise<Daemon> {
    const address = { kind: "socket", path: this.socket } as const;
    return Daemon.open(new DaemonConnection({ address, userAgent: "Headwater/test" }));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path } = new URL(request.url ?? "/", "http://daemon");
    this.asked.push(`${request.method ?? ""} ${path}`);
    const instead = this.instead.get(path);
    if (instead !== undefined) return instead(request, response);
    if (path === "/1.0") {
      const environment = { server: "incus", server_name: this.name };
      return sync(response, { auth: "trusted", api_extensions: [], environment });
    }
    if (path === "/1.0/images") return sync(response, this.images.map(told));
    const alias = /^\/1\.0\/images\/aliases\/(.+)$/.exec(path)?.[1];
    if (alias !== undefined) return refuse(response, 404, "Image alias not found");
    const [, fingerprint = "", isExport] = /^\/1\.0\/images\/([0-9a-f]+)(\/export)?$/.exec(path) ?? [];
    const image = this.images.find((one) => one.fingerprint.startsWith(fingerprint));
    if (fingerprint === "" || image === undefined) return refuse(response, 404, "Image not found");
    if (isExport === undefined) return sync(response, told(image));
    sendExport(response, image);
  }
}

function told({ fingerprint, fields }: FakeImage): object {
  return { fingerprint, ...fields };
}

export function sync(response: ServerResponse, metadata: unknown): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ type: "sync", status: "Success", status_code: 200, metadata }));
}

export function refuse(response: ServerResponse, status: number, error: string): void {
  response.statusCode = status;
  response.end(JSON.stringify({ type: "error", error, error_code: status }));
}

/** As both daemons do: a form of two parts, or one file. `upTo`: the connection is cut after this share of the root. */
export function sendExport(response: ServerResponse, { metadata, root, type }: FakeImage, upTo = 1): void {
  const part = root.subarray(0, Math.floor(root.byteLength * upTo));
  const isCut = upTo < 1;
  if (metadata === undefined) {
    response.setHeader("Content-Disposition", "inline;filename=image.tar.gz");
    if (isCut) response.write(part, () => response.destroy());
    else response.end(part);
    return;
  }
  const head = (name: string) =>
    `--edge\r\nContent-Disposition: form-data; name="${name}"; filename="${name}.x"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  response.setHeader("Content-Type", "multipart/form-data; boundary=edge");
  response.write(head("metadata"));
  response.write(metadata);
  response.write(`\r\n${head(type === "container" ? "rootfs" : "rootfs.img")}`);
  if (isCut) response.write(part, () => response.destroy());
  else {
    response.write(part);
    response.end("\r\n--edge--\r\n");
  }
}
