import type { Failure } from "../tree.ts";

/** What Node says about a connection, in words of a person who has to mend it. */
const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ["ENOTFOUND", "there is no such host"],
  ["EAI_AGAIN", "the name server does not answer"],
  ["ECONNREFUSED", "nothing listens there"],
  ["ETIMEDOUT", "no connection in time"],
  ["EHOSTUNREACH", "the host cannot be reached"],
  ["ENETUNREACH", "the network cannot be reached"],
  ["EADDRNOTAVAIL", "the address cannot be reached"],
  ["EACCES", "this machine does not let the connection out"],
  ["EPROTO", "it does not speak TLS there, or not in a way that is understood"],
]);

const CUT: ReadonlyMap<string, string> = new Map([
  ["ECONNRESET", "the connection was cut"],
  ["EPIPE", "the connection was cut"],
  ["ERR_STREAM_PREMATURE_CLOSE", "the connection was cut"],
  ["HPE_HEADER_OVERFLOW", "the head of its answer is larger than 1 MiB"],
]);

/** Built from the error's code, since messages of Node may hold a URL. */
export function failureOf(cause: unknown): Failure & { readonly code: string } {
  if (cause instanceof Stopped) return { ...cause.failure, code: "" };
  const code = codeOf(cause);
  const cut = CUT.get(code) ?? (code.startsWith("HPE_") ? "its answer is not HTTP" : undefined);
  if (cut !== undefined) return { kind: "cut", why: cut, code };
  const isTls = code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_");
  const known = UNREACHABLE.get(isTls ? "EPROTO" : code);
  return {
    kind: "unreachable",
    why: known ?? (code === "" ? "the connection failed" : `the connection failed (${code})`),
    code,
  };
}

export function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}

/** Ends a connection or the reading of a body, for a reason of ours. */
export class Stopped extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.why);
    this.failure = failure;
  }
}

export function seconds(ms: number): string {
  return ms === 1000 ? "1 second" : `${ms / 1000} seconds`;
}
