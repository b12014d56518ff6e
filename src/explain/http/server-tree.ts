import type { IncomingMessage } from "node:http";
import type {
  AskOptions,
  DocumentAnswer,
  Exchange,
  FileAnswer,
  FileOptions,
  ServerFacts,
  ServerOptions,
  Tree,
} from "../tree.ts";
import {
  type Credentials,
  hostOf,
  locate,
  parseServerAddress,
  portOf,
  type ServerAddress,
  shownUrl,
} from "./address.ts";
import { Agents, discard } from "./ask.ts";
import { follow, type Journey, MAX_HOPS } from "./follow.ts";
import { PATIENCE, type Patience } from "./patience.ts";
import { numberIn, probePlain } from "./plain-probe.ts";
import { readBody } from "./read-body.ts";
import { lookAtTls } from "./tls-facts.ts";
import { proxyTo } from "./tunnel.ts";

/** Bytes of one document, decompressed. */
const MAX_DOCUMENT = 64 * 1024 * 1024;
/** Bytes of one file whose size nobody knows. */
const MAX_FILE = 64 * 1024 * 1024 * 1024;

export interface ServerTreeOptions {
  /** May hold a user and a password, as the clients have them; `credentials` go first. */
  readonly url: string;
  /** PEM that is trusted besides the system's authorities, as a client that pins it does. */
  readonly ca?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** Some servers answer by it, so it names nobody but us. */
  readonly userAgent: string;
  readonly patience?: Partial<Patience> | undefined;
}

/** A tree on a server, looked at as the clients do, except that what they would refuse is written down. @throws USAGE */
export function openServerTree(options: ServerTreeOptions): Tree {
  return new ServerTree(options);
}

class ServerTree implements Tree {
  readonly name: string;
  readonly kind = "server";
  readonly #address: ServerAddress;
  readonly #ca: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #patience: Patience;
  readonly #agents: Agents;
  /** Endings of files that were asked for with GET: what compresses on the way often leaves HEAD alone. */
  readonly #tried = new Set<string>();
  #first: { readonly path: string; readonly size: number | undefined } | undefined;

  constructor({ url, ca, credentials, userAgent, patience }: ServerTreeOptions) {
    this.#address = parseServerAddress(url, credentials);
    this.#ca = ca;
    this.#agents = new Agents(ca);
    this.#headers = { "User-Agent": userAgent, "Accept-Encoding": "gzip" };
    this.#patience = { ...PATIENCE, ...patience };
    this.name = shownUrl(this.#address.base).replace(/\/(?=$|\?)/, "");
  }

  async document(path: string, { signal }: AskOptions = {}): Promise<DocumentAnswer> {
    const { exchange, answer } = await this.#ask(path, "GET", this.#patience.documentHeadMs, signal);
    if (answer === undefined) return absent(exchange);
    if (exchange.status !== 200) {
      await discard(answer, "GET");
      return absent(exchange);
    }
    const pieces: Uint8Array[] = [];
    const { sent, failure } = await readBody(answer, {
      take: (piece) => void pieces.push(piece),
      most: MAX_DOCUMENT,
      silenceMs: this.#patience.silenceMs,
      totalMs: this.#patience.documentMs,
      signal,
    });
    const whole = { ...exchange, sent, failure };
    if (failure !== undefined) return absent(whole);
    return { kind: "there", bytes: Buffer.concat(pieces), exchange: whole };
  }

  async file(path: string, options: FileOptions = {}): Promise<FileAnswer> {
    const answer = await (options.read === undefined
      ? this.#head(path, options)
      : this.#whole(path, options));
    this.#first ??= { path, size: answer.kind === "there" ? answer.size : undefined };
    return answer;
  }

  async server({ file = this.#first, signal }: ServerOptions = {}): Promise<ServerFacts> {
    const { base, authorization, plainPort } = this.#address;
    const isTls = base.protocol === "https:";
    const where = { host: hostOf(base), port: portOf(base) };
    const proxy = proxyTo(base);
    const common = {
      url: this.name,
      ...where,
      credentials: authorization !== undefined,
      proxy: proxy?.url.origin,
    };
    if (!isTls) {
      const none = { tls13: false, older: undefined, certificate: undefined, plain: undefined };
      return { ...common, scheme: "http", problem: undefined, ...none };
    }
    const { connectMs } = this.#patience;
    const tls = await lookAtTls({ ...where, proxy, ca: this.#ca, connectMs, signal });
    const url = locate(base, file?.path ?? "streams/v1/index.json");
    url.protocol = "http:";
    url.port = String(plainPort);
    const plain = await probePlain(this.#agents, {
      url,
      size: file?.size,
      headers: this.#headers,
      patience: this.#patience,
      signal,
    });
    return { ...common, scheme: "https", ...tls, plain };
  }

  async close(): Promise<void> {
    this.#agents.close();
  }

  #ask(
    path: string,
    method: "GET" | "HEAD",
    headMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Journey> {
    return follow(this.#agents, {
      url: locate(this.#address.base, path),
      method,
      headers: this.#headers,
      authorization: this.#address.authorization,
      connectMs: this.#patience.connectMs,
      headMs,
      signal,
    });
  }

  /** The clients only ever GET: what HEAD says is believed when it is a plain yes. */
  async #head(path: string, { signal }: FileOptions): Promise<FileAnswer> {
    const ending = /[^/.]*$/.exec(path)?.[0] ?? "";
    if (this.#tried.has(ending)) {
      const { exchange, answer } = await this.#ask(path, "HEAD", this.#patience.fileHeadMs, signal);
      if (answer !== undefined) await discard(answer, "HEAD");
      const size = answer && sizeIn(answer);
      if (exchange.status === 200 && size !== undefined && size > 0) return { kind: "there", size, exchange };
    }
    const { exchange, answer } = await this.#ask(path, "GET", this.#patience.fileHeadMs, signal);
    if (answer === undefined) return absent(exchange);
    await discard(answer, "GET");
    if (exchange.status !== 200) return absent(exchange);
    // Bounded: a tree has few endings, a hostile one as many as it has files.
    if (this.#tried.size < 100) this.#tried.add(ending);
    return { kind: "there", size: sizeIn(answer), exchange };
  }

  async #whole(
    path: string,
    { read = () => undefined, most = MAX_FILE, signal }: FileOptions,
  ): Promise<FileAnswer> {
    const { exchange, answer } = await this.#ask(path, "GET", this.#patience.fileHeadMs, signal);
    if (answer === undefined) return absent(exchange);
    if (exchange.status !== 200) {
      await discard(answer, "GET");
      return absent(exchange);
    }
    let size = 0;
    const { sent, failure } = await readBody(answer, {
      take: (piece) => {
        size += piece.byteLength;
        read(piece);
      },
      most,
      silenceMs: this.#patience.silenceMs,
      totalMs: this.#patience.fileMs,
      signal,
    });
    const whole = { ...exchange, sent, failure };
    if (failure === undefined) return { kind: "there", size, exchange: whole };
    return { ...absent(whole), isLonger: failure.kind === "too-large" };
  }
}

/** Encoded, the length is not that of the file. */
function sizeIn({ headers }: IncomingMessage): number | undefined {
  return headers["content-encoding"] === undefined ? numberIn(headers["content-length"]) : undefined;
}

function absent(exchange: Exchange): { kind: "absent"; why: string; exchange: Exchange } {
  return { kind: "absent", why: whyAbsent(exchange), exchange };
}

function whyAbsent({ loop, failure, status }: Exchange): string {
  if (loop === "returns") return "redirects lead back to where they were";
  if (loop === "long") return `there are more than ${MAX_HOPS} redirects`;
  return failure?.why ?? `the server answers ${status}`;
}
