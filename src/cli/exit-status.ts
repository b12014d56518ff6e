import type { ErrorCode } from "../error.ts";

export const DONE = 0;
export const FAILED = 1;
export const WRONG_USAGE = 2;
/** `diff --exit-code`: there are differences. The number that diff and git diff use for it; what fails ends with others. */
export const DIFFERENT = 1;
/** `explain --strict`: warnings and no errors. The number that checkers of documents commonly use for it. */
export const WARNED = 2;
export const NOT_FOUND = 3;
export const BAD_INPUT = 4;
const TAKEN = 5;
const STORE_TROUBLE = 6;
export const DAMAGE = 7;
const SERVER_TROUBLE = 8;
const UPSTREAM_TROUBLE = 9;
export const TARGET_TROUBLE = 10;
export const KEY_TROUBLE = 11;
export const BUNDLE_TROUBLE = 12;
/** `explain`: the server does not answer, as an upstream that cannot be reached. */
export const NO_ANSWER = UPSTREAM_TROUBLE;
/** `EX_SOFTWARE` of sysexits.h. */
export const BUG = 70;
const INTERRUPTED = 130;
const TERMINATED = 143;

/** Every status and its meaning; `docs/reference/exit-status.md` shows the same, a test compares. */
export const EXIT_STATUSES: ReadonlyMap<number, string> = new Map([
  [DONE, "done"],
  [FAILED, "failed, for a reason without a status of its own"],
  [WRONG_USAGE, "wrong usage: the command line or the configuration"],
  [NOT_FOUND, "something named on the command line is not there"],
  [BAD_INPUT, "an input file cannot be taken as an image"],
  [TAKEN, "a name or a fingerprint is taken"],
  [STORE_TROUBLE, "the store cannot be used now"],
  [DAMAGE, "the store holds damage"],
  [SERVER_TROUBLE, "the address or the certificate cannot be used"],
  [UPSTREAM_TROUBLE, "an upstream or a daemon cannot be reached, or gives what cannot be used"],
  [TARGET_TROUBLE, "what is exported to cannot be used now"],
  [KEY_TROUBLE, "the key that signs cannot be used now"],
  [BUNDLE_TROUBLE, "a bundle is damaged or not trusted, or something that it needs is missing"],
  [BUG, "a bug in Headwater"],
  [INTERRUPTED, "interrupted by Ctrl-C"],
  [TERMINATED, "ended by SIGTERM"],
]);

/** The exit status of each error code. The type makes a new code choose one. */
export const STATUS_OF_CODE: Readonly<Record<ErrorCode, number>> = {
  USAGE: WRONG_USAGE,
  CONFIG_INVALID: WRONG_USAGE,
  NAME_INVALID: WRONG_USAGE,
  PINNED: FAILED,
  NOT_FOUND,
  GENERATION_GONE: NOT_FOUND,
  FILE_UNREADABLE: BAD_INPUT,
  FILE_CHANGED: BAD_INPUT,
  FILE_TRUNCATED: BAD_INPUT,
  FILE_UNSUPPORTED: BAD_INPUT,
  FILE_TOO_LARGE: BAD_INPUT,
  METADATA_INVALID: BAD_INPUT,
  IMAGE_INVALID: BAD_INPUT,
  PATH_UNSAFE: BAD_INPUT,
  DOCUMENT_INVALID: BAD_INPUT,
  DOCUMENT_TOO_LARGE: BAD_INPUT,
  NAME_TAKEN: TAKEN,
  FINGERPRINT_TAKEN: TAKEN,
  STORE_UNUSABLE: STORE_TROUBLE,
  STORE_NEWER: STORE_TROUBLE,
  STORE_BUSY: STORE_TROUBLE,
  STORE_FULL: STORE_TROUBLE,
  TARGET_UNUSABLE: TARGET_TROUBLE,
  TARGET_BUSY: TARGET_TROUBLE,
  TARGET_FULL: TARGET_TROUBLE,
  BUNDLE_INVALID: BUNDLE_TROUBLE,
  BUNDLE_UNTRUSTED: BUNDLE_TROUBLE,
  BUNDLE_INCOMPLETE: BUNDLE_TROUBLE,
  BUNDLE_UNTIMELY: BUNDLE_TROUBLE,
  BLOB_MISSING: DAMAGE,
  BLOB_MISMATCH: DAMAGE,
  UPSTREAM_UNREACHABLE: UPSTREAM_TROUBLE,
  UPSTREAM_REFUSED: UPSTREAM_TROUBLE,
  UPSTREAM_WRONG: UPSTREAM_TROUBLE,
  UPSTREAM_UNTRUSTED: UPSTREAM_TROUBLE,
  DAEMON_UNREACHABLE: UPSTREAM_TROUBLE,
  DAEMON_REFUSED: UPSTREAM_TROUBLE,
  DAEMON_WRONG: UPSTREAM_TROUBLE,
  DAEMON_UNTRUSTED: UPSTREAM_TROUBLE,
  KEY_LOCKED: KEY_TROUBLE,
  KEY_UNUSABLE: KEY_TROUBLE,
  PROGRAM_MISSING: FAILED,
  ADDRESS_IN_USE: SERVER_TROUBLE,
  ADDRESS_UNUSABLE: SERVER_TROUBLE,
  CERTIFICATE_INVALID: SERVER_TROUBLE,
};

/** What a shell expects of a command that a signal ended. */
export function statusOfSignal(reason: unknown): number {
  return reason === "SIGTERM" ? TERMINATED : INTERRUPTED;
}
