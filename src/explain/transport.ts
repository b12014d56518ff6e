import { quoted } from "../simplestreams/printable.ts";
import type { TransportRule } from "../simplestreams/rules/transport-rules.ts";
import { sharedFreshness } from "./cache-control.ts";
import type { DocumentAnswer, Exchange, FileAnswer } from "./tree.ts";

/** One thing that a server gets wrong, or that is worth knowing. */
export interface TransportFinding {
  readonly rule: TransportRule;
  /** A sentence without a full stop. */
  readonly reason: string;
  /** Without credentials. */
  readonly url: string;
  /** What was found, where it is short. */
  readonly value?: string;
}

const LATE_MS = 10_000;
const WORTH_COMPRESSING = 256 * 1024;
/** As long as daemons keep a document. */
const HOUR = 3600;

/** What is wrong with how a document came: the index, a products file, or the index of LXC. What is in it is judged elsewhere. */
export function documentFindings(answer: DocumentAnswer): TransportFinding[] {
  const { exchange } = answer;
  if (exchange === undefined) return [];
  const found = [...wayFindings(exchange), ...clearFindings(exchange)];
  const tell = teller(exchange, found);
  if (answer.kind === "absent") {
    if (found.length === 0) absentDocument(exchange, tell);
    return found;
  }
  const { bytes } = answer;
  if (bytes.byteLength === 0) tell("document-empty", "the answer has the status 200 and no byte");
  else if (isPage(bytes)) {
    tell(
      "document-html",
      "a page comes with status 200 instead of the document",
      exchange.headers["content-type"],
    );
  }
  if (bytes.byteLength > WORTH_COMPRESSING && exchange.headers["content-encoding"] === undefined) {
    tell("document-uncompressed", `${bytes.byteLength} bytes are sent as they are`, String(bytes.byteLength));
  }
  cacheFindings(exchange, tell);
  return found;
}

export interface FileFacts {
  readonly answer: FileAnswer;
  /** As it is listed. */
  readonly path: string;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  /** Hash of what `read` was given; undefined when the file was not fetched. */
  readonly found?: string | undefined;
}

/** What is wrong with a file, or with how it comes. */
export function fileFindings(facts: FileFacts): TransportFinding[] {
  const { answer, path } = facts;
  const { exchange } = answer;
  const found = exchange === undefined ? [] : wayFindings(exchange);
  const tell = teller(exchange ?? { finalUrl: path, url: path }, found);
  if (answer.kind === "absent") {
    if (found.length === 0) absentFile(facts, tell);
    return found;
  }
  const isPacked = exchange !== undefined && encodingFindings(exchange, facts, tell);
  if (!isPacked) contentFindings(facts, answer.size, tell);
  return found;
}

/** What comes out when metadata and root are hashed in one pass, compared with the list. `place`: the URL or path of the metadata. */
export function fingerprintFindings(place: string, listed: string, found: string): TransportFinding[] {
  if (listed === found) return [];
  const reason = `the fingerprint listed is ${quoted(listed, 70)}, and that of the files is ${found}`;
  return [{ rule: "served-fingerprint", reason, url: place, value: found }];
}

type Tell = (rule: TransportRule, reason: string, value?: string) => void;

function teller({ url }: Pick<Exchange, "url" | "finalUrl">, found: TransportFinding[]): Tell {
  return (rule, reason, value) =>
    found.push({ rule, reason, url, ...(value === undefined ? {} : { value }) });
}

/** Between the question and the head of the answer. */
function wayFindings(exchange: Exchange): TransportFinding[] {
  const found: TransportFinding[] = [];
  const tell = teller(exchange, found);
  const { hops, loop, refused, failure, status, credentials, headMs } = exchange;
  if (loop) {
    const after = hops.length === 1 ? "one redirect" : `${hops.length} redirects`;
    const reason =
      loop === "returns"
        ? `after ${after} it comes back to an address it was at`
        : `after ${after} there is no answer; Headwater stopped there, and the clients follow for ever`;
    tell("redirect-loop", reason, hops.at(-1)?.location);
  }
  if (refused !== undefined) tell("redirect-refused", refused, hops.at(-1)?.location);
  if (credentials === "lost" && (status === 401 || status === 403)) {
    const reason = `a redirect leads to ${exchange.finalUrl} without the password, and that answers ${status}`;
    tell("redirect-credentials", reason, hops.at(-1)?.location);
  }
  if (failure?.kind === "unreachable") {
    tell("server-unreachable", hops.length === 0 ? failure.why : `${exchange.finalUrl}: ${failure.why}`);
  }
  // In the middle of a body, or instead of a head.
  const isBroken = failure?.kind === "cut" || failure?.kind === "damaged";
  if (failure !== undefined && (isBroken || (failure.kind === "slow" && status !== 0))) {
    tell("answer-broken", failure.why);
  }
  if (status !== 0 && headMs > LATE_MS) {
    const took = Math.round(headMs / 1000);
    tell("late-answer", `the head of the answer came after ${took} seconds`, `${took} s`);
  }
  return found;
}

function clearFindings(exchange: Exchange): TransportFinding[] {
  const found: TransportFinding[] = [];
  const hop = exchange.hops.find(({ location }) => location.startsWith("http://"));
  if (exchange.url.startsWith("https://") && hop !== undefined && !exchange.loop) {
    teller(exchange, found)("redirect-to-clear", `a redirect leads to ${hop.location}`, hop.location);
  }
  return found;
}

function absentDocument(exchange: Exchange, tell: Tell): void {
  const { failure, headers } = exchange;
  if (failure?.kind === "encoded") tell("document-encoding", failure.why, headers["content-encoding"]);
  else if (failure?.kind === "slow") tell("slow-answer", failure.why);
  else if (failure !== undefined) tell("answer-broken", failure.why);
  else notFound(exchange, "document-missing", tell);
}

function absentFile({ answer, path, size }: FileFacts, tell: Tell): void {
  const { exchange } = answer;
  const why = answer.kind === "absent" ? answer.why : `there is no ${quoted(path)}`;
  if (answer.kind === "absent" && answer.isLonger === true && size !== undefined) {
    tell("served-size", `${size} bytes are listed, and the file has more`);
  } else if (exchange?.failure?.kind === "encoded") {
    tell("file-encoding", why, exchange.headers["content-encoding"]);
  } else if (exchange?.failure?.kind === "slow") tell("slow-answer", why);
  else if (exchange?.failure !== undefined) tell("answer-broken", why);
  else if (exchange === undefined) tell("file-missing", why);
  else notFound(exchange, "file-missing", tell);
}

function notFound(
  { status, credentials }: Exchange,
  missing: "document-missing" | "file-missing",
  tell: Tell,
): void {
  const wanted =
    credentials === "sent" ? "does not take the user and the password" : "wants a user and a password";
  const more = status === 401 ? `; it ${wanted}` : "";
  tell(status >= 400 ? missing : "answer-status", `the server answers ${status}${more}`, String(status));
}

/** Whether the body is decompressed on the way, so that its length says nothing. */
function encodingFindings({ headers }: Exchange, facts: FileFacts, tell: Tell): boolean {
  if (headers["content-encoding"]?.trim().toLowerCase() !== "gzip") return false;
  const { path, size, sha256, found } = facts;
  const isFileItself =
    found === undefined
      ? /\.t?gz$/i.test(path) || (size !== undefined && headers["content-length"] === String(size))
      : found !== sha256;
  if (isFileItself) tell("file-encoding", "the clients decompress it, and hash what comes out", "gzip");
  else tell("file-compressed", "it is compressed on the way", "gzip");
  return true;
}

function contentFindings({ answer, ...listed }: FileFacts, size: number | undefined, tell: Tell): void {
  if (size !== undefined && listed.size !== undefined && size !== listed.size) {
    tell("served-size", `${listed.size} bytes are listed, and the file has ${size}`, String(size));
  } else if (listed.found !== undefined && listed.sha256 !== undefined && listed.found !== listed.sha256) {
    const reason = `the sha256 listed is ${quoted(listed.sha256, 70)}, and that of the file is ${listed.found}`;
    tell("served-hash", reason, listed.found);
  }
  if (answer.exchange !== undefined && answer.exchange.headers["content-length"] === undefined) {
    tell("no-length", "the answer does not say how long it is");
  }
}

function cacheFindings({ headers }: Exchange, tell: Tell): void {
  const freshness = sharedFreshness(headers) ?? 0;
  const age = /^\d+$/.test(headers["age"] ?? "") ? Number(headers["age"]) : 0;
  const value = headers["cache-control"] ?? headers["expires"];
  if (freshness > HOUR) {
    tell("document-cached", `caches on the way may keep it for ${freshness} seconds`, value);
  } else if (age > HOUR) {
    tell("document-cached", `a cache on the way has kept it for ${age} seconds`, `Age: ${age}`);
  }
}

/** What begins with `<` is neither JSON nor the list of LXC. */
function isPage(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 1024))
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .startsWith("<");
}
