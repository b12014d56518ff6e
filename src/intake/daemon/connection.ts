import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { z } from "zod";
import { HeadwaterError } from "../../error.ts";
import type { DaemonAddress } from "./address.ts";
import { refused, unreachable, wrong } from "./failures.ts";
import type { Credentials } from "./trust.ts";

/** Milliseconds. */
const CONNECT_MS = 10_000;
/** Until the head of an answer; a daemon that packs an instance answers at once and works in the background. */
const ANSWER_MS = 60_000;
/** Without a byte of an export. */
const SILENCE_MS = 120_000;
/** A list of ten thousand images has 10 MB. */
const MAX_JSON_BYTES = 128 * 1024 * 1024;

export interface ConnectionOptions {
  readonly address: DaemonAddress;
  /** For https: whom to believe, and who we are. */
  readonly credentials?: Credentials;
  readonly userAgent: string;
  /** Ends whatever is being asked. */
  readonly signal?: AbortSignal | undefined;
}

export interface AskOptions {
  readonly body?: unknown;
  /** Instead of the connection's own: for what has to be tidied up all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the head of the answer. */
  readonly patienceMs?: number;
}

const envelopeSchema = z.looseObject({
  type: z.string(),
  error: z.string().optional(),
  error_code: z.number().optional(),
  operation: z.string().optional(),
  metadata: z.unknown().optional(),
});

/** HTTP to one daemon, over its socket or over TLS. Every failure is a HeadwaterError that names the daemon. */
export class DaemonConnection {
  readonly address: DaemonAddress;
  /** What a person would call it. */
  readonly place: string;
  readonly credentials: Credentials | undefined;
  readonly #agent: HttpAgent;
  readonly #userAgent: string;
  readonly #signal: AbortSignal | undefined;

  constructor({ address, credentials, userAgent, signal }: ConnectionOptions) {
    this.address = address;
    this.place = address.kind === "socket" ? address.path : address.url;
    this.credentials = credentials;
    this.#userAgent = userAgent;
    this.#signal = signal;
    this.#agent =
      address.kind === "socket"
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({ keepAlive: true, ...tlsOptions(credentials) });
  }

  /** The `metadata` of a successful answer. */
  async get(path: string, options: AskOptions = {}): Promise<unknown> {
    return (await this.ask("GET", path, options)).metadata;
  }

  /** One request that is answered with JSON. @throws DAEMON_UNREACHABLE, DAEMON_REFUSED, DAEMON_WRONG */
  async ask(method: string, path: string, options: AskOptions = {}): Promise<z.infer<typeof envelopeSchema>> {
    const answer = await this.#send(method, path, options);
    return this.#envelope(answer);
  }

  /** An answer that is bytes: its body fails when no byte comes for long, or when it breaks off. */
  async open(path: string, options: AskOptions = {}): Promise<IncomingMessage> {
    const answer = await this.#send("GET", path, options);
    if (answer.statusCode !== 200) {
      await this.#envelope(answer);
      throw wrong(this.place, `expected the status 200, got ${answer.statusCode ?? 0}`);
    }
    answer.setTimeout(SILENCE_MS, () => answer.destroy(wrong(this.place, "no byte came for two minutes")));
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #envelope(answer: IncomingMessage): Promise<z.infer<typeof envelopeSchema>> {
    const text = await this.#text(answer);
    const parsed = envelopeSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      throw wrong(this.place, `it answers with the status ${answer.statusCode ?? 0} and no JSON of a daemon`);
    }
    const { type, error = "", error_code: code } = parsed.data;
    if (type === "error" || (answer.statusCode ?? 0) >= 400) {
      throw refused(this.place, code ?? answer.statusCode ?? 0, error === "" ? "it refuses" : error);
    }
    return parsed.data;
  }

  async #text(answer: IncomingMessage): Promise<string> {
    const pieces: Buffer[] = [];
    let size = 0;
    answer.setTimeout(ANSWER_MS, () => answer.destroy(wrong(this.place, "its answer stopped coming")));
    try {
      for await (const piece of answer as AsyncIterable<Buffer>) {
        size += piece.byteLength;
        if (size > MAX_JSON_BYTES) throw wrong(this.place, `an answer has more than ${MAX_JSON_BYTES} bytes`);
        pieces.push(piece);
      }
    } catch (error) {
      if (isStopped(this.#signal)) throw stopped();
      throw error instanceof HeadwaterError ? error : wrong(this.place, "an answer broke off", error);
    }
    return Buffer.concat(pieces).toString("utf8");
  }

  #send(
    method: string,
    path: string,
    { body, signal = this.#signal, patienceMs = ANSWER_MS }: AskOptions,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const request = this.#request(method, path, text);
      const giveUp = (): void => {
        request.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }));
      };
      let timer = setTimeout(giveUp, CONNECT_MS);
      const patient = (): void => {
        clearTimeout(timer);
        timer = setTimeout(giveUp, patienceMs);
      };
      const onAbort = (): void => {
        request.destroy(signal?.reason instanceof Error ? signal.reason : new Error("stopped"));
      };
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      const over = (): void => clearTimeout(timer);
      request.once("socket", (socket) => {
        if (socket.connecting)
          socket.once(this.address.kind === "https" ? "secureConnect" : "connect", patient);
        else patient();
      });
      request.once("response", (answer) => {
        over();
        resolve(answer);
      });
      request.once("error", (cause) => {
        over();
        signal?.removeEventListener("abort", onAbort);
        reject(isStopped(signal) ? stopped() : this.#failure(cause));
      });
      // An answer that changes the protocol ends a request without a word.
      request.once("close", () => {
        over();
        signal?.removeEventListener("abort", onAbort);
        reject(wrong(this.place, "it ended the connection without an answer"));
      });
      request.end(text);
    });
  }

  #failure(cause: unknown): unknown {
    if (cause instanceof HeadwaterError) return cause;
    if (this.address.kind === "socket") return unreachable(this.place, cause, this.address.path);
    return this.credentials?.explain(this.place, cause) ?? unreachable(this.place, cause);
  }

  #request(method: string, path: string, text: string | undefined): ClientRequest {
    const headers = {
      "User-Agent": this.#userAgent,
      ...(text === undefined
        ? {}
        : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }),
    };
    if (this.address.kind === "socket") {
      const options = { socketPath: this.address.path, path, method, headers, agent: this.#agent };
      return httpRequest({ host: "localhost", ...options });
    }
    return httpsRequest(`${this.address.url}${path}`, { method, headers, agent: this.#agent });
  }
}

/** By a person, and not because it took too long. */
function isStopped(signal: AbortSignal | undefined): boolean {
  return (
    signal?.aborted === true &&
    !(signal.reason instanceof DOMException && signal.reason.name === "TimeoutError")
  );
}

/** No failure of a daemon, and reported as none. */
function stopped(): Error {
  return new Error("stopped");
}

/**
 * The certificate that was pinned is believed under any name, since daemons make theirs for names of their own, and whoever signed it: without a
 * chain that is a partial one.
 */
export function tlsOptions(credentials: Credentials | undefined): object {
  const { pinned, identity } = credentials ?? {};
  return {
    minVersion: "TLSv1.3",
    ...(pinned === undefined
      ? {}
      : { ca: [pinned], allowPartialTrustChain: true, checkServerIdentity: () => undefined }),
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever reads it says what was expected.
    return undefined;
  }
}
