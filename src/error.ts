/** Everything that can go wrong in a way Headwater foresees. `docs/reference/errors.md` lists the same codes; a test compares the two. */
export type ErrorCode =
  // what the user asked for
  | "USAGE"
  | "NOT_FOUND"
  | "NAME_TAKEN"
  | "NAME_INVALID"
  | "PINNED"
  | "CONFIG_INVALID"
  // image files
  | "FILE_UNREADABLE"
  | "FILE_CHANGED"
  | "FILE_TRUNCATED"
  | "FILE_UNSUPPORTED"
  | "FILE_TOO_LARGE"
  | "METADATA_INVALID"
  | "IMAGE_INVALID"
  | "PATH_UNSAFE"
  // simplestreams documents
  | "DOCUMENT_INVALID"
  | "DOCUMENT_TOO_LARGE"
  | "FINGERPRINT_TAKEN"
  // the store
  | "STORE_UNUSABLE"
  | "STORE_NEWER"
  | "STORE_BUSY"
  | "STORE_FULL"
  | "BLOB_MISSING"
  | "BLOB_MISMATCH"
  | "GENERATION_GONE"
  // a folder that is exported to
  | "TARGET_UNUSABLE"
  | "TARGET_BUSY"
  | "TARGET_FULL"
  // bundles
  | "BUNDLE_INVALID"
  | "BUNDLE_UNTRUSTED"
  | "BUNDLE_INCOMPLETE"
  | "BUNDLE_UNTIMELY"
  // upstreams
  | "UPSTREAM_UNREACHABLE"
  | "UPSTREAM_REFUSED"
  | "UPSTREAM_WRONG"
  | "UPSTREAM_UNTRUSTED"
  // daemons
  | "DAEMON_UNREACHABLE"
  | "DAEMON_REFUSED"
  | "DAEMON_WRONG"
  | "DAEMON_UNTRUSTED"
  // the key that signs what is published
  | "KEY_LOCKED"
  | "KEY_UNUSABLE"
  // another program
  | "PROGRAM_MISSING"
  // the server
  | "ADDRESS_IN_USE"
  | "ADDRESS_UNUSABLE"
  | "CERTIFICATE_INVALID";

export interface HeadwaterErrorOptions {
  /** What to do next, one sentence, shown under the message. */
  readonly hint?: string;
  /** Facts for `--json`: names, expected and found values. */
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly cause?: unknown;
}

/**
 * The one error class. The message says what failed, on what, and "expected X, got Y" where that applies;
 * callers branch on `code`, never on text. Anything else that is thrown is a bug.
 */
export class HeadwaterError extends Error {
  override readonly name = "HeadwaterError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;

  constructor(code: ErrorCode, message: string, options: HeadwaterErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}
