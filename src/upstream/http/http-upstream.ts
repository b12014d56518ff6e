import type { IncomingMessage } from "node:http";
import type { HeadwaterError } from "../../error.ts";
import { parseRelativePath } from "../../simplestreams/relative-path.ts";
import type {
  DocumentAnswer,
  DocumentOptions,
  ItemAnswer,
  ItemOptions,
  Upstream,
  Validators,
} from "../upstream.ts";
import type { UpstreamOptions } from "../upstream-options.ts";
import { baseUrl } from "./base-url.ts";
import { Connections, PATIENCE, type Patience } from "./connection.ts";
import { refused, wrong } from "../failures.ts";
import { askFollowing, discard } from "./follow.ts";
import { readDocument } from "./read-document.ts";

const ABSENT: ReadonlySet<number> = new Set([401, 403, 404, 410]);
/** A day; a larger Retry-After is a mistake or a way of saying no. */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/** One address of an upstream, over HTTPS. `userAgent`: some upstreams answer by it, so it names nobody but us. */
export function openHttpUpstream(
  options: UpstreamOptions,
  userAgent: string,
  patience: Patience = PATIENCE,
): Upstream {
  return new HttpUpstream(options, userAgent, patience);
}

class HttpUpstream implements Upstream {
  readonly url: string;
  readonly #base: URL;
  readonly #options: UpstreamOptions;
  readonly #userAgent: string;
  readonly #connections: Connections;
  readonly #patience: Patience;

  constructor(options: UpstreamOptions, userAgent: string, patience: Patience) {
    this.#patience = patience;
    this.#options = options;
    this.#userAgent = userAgent;
    this.#base = baseUrl(options.url);
    this.url = this.#base.href.replace(/\/$/, "");
    this.#connections = new Connections(options.ca, patience);
  }

  async document(path: string, { known, signal }: DocumentOptions = {}): Promise<DocumentAnswer> {
    const { url, place } = this.#locate(path);
    const headers = {
      "User-Agent": this.#userAgent,
      "Accept-Encoding": "gzip",
      ...(known?.etag === undefined ? {} : { "If-None-Match": known.etag }),
      ...(known?.lastModified === undefined ? {} : { "If-Modified-Since": known.lastModified }),
    };
    const answer = await this.#ask({ url, place, headers, mayLeave: false, signal });
    const status = answer.statusCode ?? 0;
    if (status === 200) {
      const bytes = await readDocument(answer, place, this.#patience.documentMs);
      return { kind: "fresh", bytes, validators: validatorsOf(answer) };
    }
    discard(answer);
    if (status === 304 && known !== undefined) return { kind: "unchanged" };
    if (ABSENT.has(status)) return { kind: "absent", status };
    throw noSuccess(place, answer);
  }

  async item(path: string, { from = 0, validators, signal }: ItemOptions = {}): Promise<ItemAnswer> {
    const { url, place } = this.#locate(path);
    const condition = strong(validators);
    const headers = {
      "User-Agent": this.#userAgent,
      "Accept-Encoding": "identity",
      ...(from === 0 ? {} : { Range: `bytes=${from}-` }),
      ...(from === 0 || condition === undefined ? {} : { "If-Range": condition }),
    };
    const answer = await this.#ask({ url, place, headers, mayLeave: true, signal });
    const status = answer.statusCode ?? 0;
    if (from > 0 && (status === 416 || (status === 206 && isAnother(answer, validators)))) {
      discard(answer);
      return this.item(path, signal === undefined ? {} : { signal });
    }
    if (status !== 200 && !(status === 206 && from > 0)) {
      discard(answer);
      throw noSuccess(place, answer);
    }
    try {
      return itemAnswer(answer, { place, from });
    } catch (error) {
      discard(answer);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#connections.close();
  }

  #ask(trip: {
    readonly url: URL;
    readonly place: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly mayLeave: boolean;
    readonly signal: AbortSignal | undefined;
  }): Promise<IncomingMessage> {
    const { credentials, allowRedirect = [] } = this.#options;
    const authorization =
      credentials === undefined
        ? undefined
        : `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
    return askFollowing(this.#connections, { ...trip, authorization, allowRedirect });
  }

  /** Base and path, each part escaped once; a colon stays, as upstreams have it in their paths. */
  #locate(path: string): { readonly url: URL; readonly place: string } {
    const parts = parseRelativePath(path).split("/");
    const url = new URL(
      parts.map((part) => encodeURIComponent(part).replaceAll("%3A", ":")).join("/"),
      this.#base,
    );
    // `a:b` alone would be read as a scheme.
    if (url.origin !== this.#base.origin) throw wrong(this.url, "a path leads to another host");
    return { url, place: url.href };
  }
}

/** A status below 400 that was not asked for is nobody's refusal, and means nothing to who waits for a file. */
function noSuccess(place: string, answer: IncomingMessage): HeadwaterError {
  const status = answer.statusCode ?? 0;
  if (status < 400) return wrong(place, `expected an answer with status 200, got ${status}`);
  return refused(place, status, retryAfterOf(answer));
}

/** Whether a part comes from another file than what is here already: some servers do not look at If-Range. */
function isAnother(answer: IncomingMessage, known: Validators | undefined): boolean {
  const { etag, lastModified } = validatorsOf(answer);
  if (known?.etag !== undefined && etag !== undefined) return etag !== known.etag;
  return (
    known?.lastModified !== undefined && lastModified !== undefined && lastModified !== known.lastModified
  );
}

function itemAnswer(
  answer: IncomingMessage,
  { place, from }: { readonly place: string; readonly from: number },
): ItemAnswer {
  const encoding = answer.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw wrong(place, `expected the file as it is, got it encoded as ${JSON.stringify(encoding)}`);
  const validators = validatorsOf(answer);
  if (answer.statusCode === 200) {
    return { from: 0, size: numberIn(answer.headers["content-length"]), validators, body: answer };
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers["content-range"] ?? "");
  if (Number(range?.[1]) !== from) {
    throw wrong(
      place,
      `asked for the bytes from ${from}, got ${JSON.stringify(answer.headers["content-range"] ?? "no range")}`,
    );
  }
  const size = numberIn(range?.[3]);
  if (size !== undefined && Number(range?.[2]) >= size)
    throw wrong(place, `a part up to byte ${range?.[2]} of a file of ${size} bytes cannot be`);
  return { from, size, validators, body: answer };
}

function validatorsOf({ headers }: IncomingMessage): Validators {
  const lastModified = headers["last-modified"];
  return {
    ...(headers.etag === undefined ? {} : { etag: headers.etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
  };
}

/** RFC 9110 section 13.1.5: a weak tag must not be used in If-Range. */
function strong(validators: Validators | undefined): string | undefined {
  const etag = validators?.etag;
  return etag !== undefined && !etag.startsWith("W/") ? etag : validators?.lastModified;
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function retryAfterOf({ headers }: IncomingMessage): number | undefined {
  const text = headers["retry-after"];
  if (text === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}
