import { HeadwaterError } from "../error.ts";

interface Reason {
  readonly text: string;
  readonly hint?: string;
}

/** What Node says about a connection, in words of a person who has to mend it. */
const REASONS: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ["ENOTFOUND", { text: "there is no such host" }],
  ["EAI_AGAIN", { text: "the name server does not answer" }],
  ["ECONNREFUSED", { text: "nothing listens there" }],
  ["ECONNRESET", { text: "the connection was cut" }],
  ["EPIPE", { text: "the connection was cut" }],
  ["ETIMEDOUT", { text: "no connection in time" }],
  ["EHOSTUNREACH", { text: "the host cannot be reached" }],
  ["ENETUNREACH", { text: "the network cannot be reached" }],
  ["EPROTO", { text: "it does not speak TLS there, or not in a way that is understood" }],
  ["CERT_HAS_EXPIRED", { text: "its certificate has expired" }],
  ["CERT_NOT_YET_VALID", { text: "its certificate is not valid yet; check this machine's clock" }],
  ["ERR_TLS_CERT_ALTNAME_INVALID", { text: "its certificate is for another name" }],
  ...[
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  ].map((code): [string, Reason] => [
    code,
    {
      text: "its certificate comes from nobody that is trusted here",
      hint: "Name the certificate of its CA with --ca, or correct the address.",
    },
  ]),
]);

/** No answer, or one that broke off: worth another try. Built from the error's code, since messages of Node may hold a URL. */
export function unreachable(place: string, cause: unknown): HeadwaterError {
  const code = codeOf(cause);
  const known = REASONS.get(code);
  const text = known?.text ?? (code === "" ? "the connection failed" : `the connection failed (${code})`);
  return new HeadwaterError("UPSTREAM_UNREACHABLE", `${place}: ${text}.`, {
    hint: known?.hint ?? "It is tried again with the next sync; what is listed here stays.",
    details: { url: place, reason: code },
  });
}

export function tooSlow(place: string, what: string): HeadwaterError {
  return new HeadwaterError("UPSTREAM_UNREACHABLE", `${place}: ${what}.`, {
    hint: "It is tried again with the next sync; what is listed here stays.",
    details: { url: place, reason: "timeout" },
  });
}

/** An answer with a status that is no success. */
export function refused(place: string, status: number, retryAfterMs?: number): HeadwaterError {
  return new HeadwaterError("UPSTREAM_REFUSED", `${place}: the upstream answered ${status}.`, {
    hint:
      status === 401 || status === 403
        ? "Check the user and the password of this upstream."
        : "Look at the address with another program; it may be wrong, or the upstream is being changed.",
    details: { url: place, status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

/** A redirect that is not followed. */
export function notFollowed(place: string, why: string): HeadwaterError {
  return new HeadwaterError("UPSTREAM_REFUSED", `${place}: a redirect is not followed: ${why}.`, {
    hint: "If that host is meant, allow it with --allow-redirect HOST.",
    details: { url: place },
  });
}

/** An answer that cannot be true. */
export function wrong(place: string, what: string): HeadwaterError {
  return new HeadwaterError("UPSTREAM_WRONG", `${place}: ${what}.`, {
    hint: "Look at the address with another program; the upstream, or something between, answers with something else.",
    details: { url: place },
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
