/** A tree that can be looked at: on a server, in a folder, or in the own store. Paths are relative to its root, as an index has them. */
export interface Tree {
  /** For a person: the address without credentials, or the folder. */
  readonly name: string;
  readonly kind: "server" | "folder" | "store";
  /** A document, whole: of more than 64 MiB (decompressed) it says `absent`. */
  document(path: string, options?: AskOptions): Promise<DocumentAnswer>;
  /** Whether a file is there and how large; `read` gets its bytes, piece by piece, when it is wanted whole. */
  file(path: string, options?: FileOptions): Promise<FileAnswer>;
  /** What is true of the whole server; undefined for what is no server. */
  server(options?: ServerOptions): Promise<ServerFacts | undefined>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FileOptions extends AskOptions {
  /** Called with each piece in order, which is valid until it returns; decompressed where the clients would do that. Without it nothing but the head is asked for. */
  readonly read?: ((piece: Uint8Array) => void) | undefined;
  /** With `read`: more bytes than these are not taken, and the file counts as absent (`isLonger`). Its listed size, where that is known. */
  readonly most?: number | undefined;
}

export interface ServerOptions extends AskOptions {
  /**
   * The file that plain HTTP is tried with, best the smallest one listed; without it the first that was asked for with `file`. `size` as
   * it is listed.
   */
  readonly file?: { readonly path: string; readonly size: number | undefined } | undefined;
}

export type DocumentAnswer =
  | { readonly kind: "there"; readonly bytes: Uint8Array; readonly exchange?: Exchange }
  /** `why` is a sentence without a full stop: `the server answers 404`, `there is no such file`. */
  | { readonly kind: "absent"; readonly why: string; readonly exchange?: Exchange };

export type FileAnswer =
  /**
   * `size` is undefined when the server does not say it. `unread`: why `read` got nothing of it, as half a sentence: its bytes are at an
   * upstream of the own store.
   */
  | {
      readonly kind: "there";
      readonly size: number | undefined;
      readonly exchange?: Exchange;
      readonly unread?: string;
    }
  /** `isLonger`: something is there, with more bytes than `most`. */
  | {
      readonly kind: "absent";
      readonly why: string;
      readonly isLonger?: boolean;
      readonly exchange?: Exchange;
    };

/** One question to a server, with all redirects on the way to the answer. URLs are without credentials and without the values of a query. */
export interface Exchange {
  /** As asked first. */
  readonly url: string;
  /** Where the answer came from; differs from `url` after redirects. */
  readonly finalUrl: string;
  /** Of the last answer; 0 when there was none. */
  readonly status: number;
  /** Redirects in order; `location` is where each one leads, in full. */
  readonly hops: readonly { readonly status: number; readonly location: string }[];
  /** Redirects did not end, and there was no answer. `returns`: one led to an address that was asked before. `long`: more than 20 in a row. */
  readonly loop: false | "returns" | "long";
  /** Why clients would refuse a server that a redirect leads to; undefined when they would not. A sentence without a full stop. */
  readonly refused: string | undefined;
  /** Those of the last answer that rules look at, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds until the head of an answer: of the slowest, when there were redirects. */
  readonly headMs: number;
  /** Bytes of the body as they were sent, where it was read. */
  readonly sent: number | undefined;
  /** Whether user and password went with the last request. `lost`: a redirect on the way was to a full address, for which the clients drop them. */
  readonly credentials: "none" | "sent" | "lost";
  /** Why there is no answer, or not a whole one. */
  readonly failure: Failure | undefined;
}

export interface Failure {
  /**
   * `unreachable`: no connection. `cut`: one that ended early, or with something that is not HTTP. `slow`: no head, or not a byte more, in
   * time. `damaged`: gzip data that is broken. `encoded`: in a way that the clients do not decode. `too-large`: more than is taken.
   */
  readonly kind: "unreachable" | "cut" | "slow" | "damaged" | "encoded" | "too-large";
  /** A sentence without a full stop. */
  readonly why: string;
}

/** What is true of a server, whatever is asked for. */
export interface ServerFacts {
  /** For a person: the address without credentials. */
  readonly url: string;
  /** The clients take https only. With http all of TLS is left out, and so is `plain`. */
  readonly scheme: "https" | "http";
  readonly host: string;
  readonly port: number;
  /** Whether the address has a user and a password. */
  readonly credentials: boolean;
  /** Where all this was seen through a proxy: its address, without credentials. What it does itself cannot be told from what the server does. */
  readonly proxy: string | undefined;
  /** Why no TLS connection came about at all; undefined when one did. A sentence without a full stop. */
  readonly problem: string | undefined;
  /** Whether a handshake with TLS 1.3 succeeded; the clients accept nothing older. `older` names what it speaks instead, such as `TLSv1.2`. */
  readonly tls13: boolean;
  readonly older: string | undefined;
  readonly certificate: CertificateFacts | undefined;
  /** What happens to the clients' first try for each file: plain HTTP to the same host and port, or to port 80 when the address has no port. */
  readonly plain: PlainFacts | undefined;
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  /** RFC 3339. */
  readonly validFrom: string;
  readonly validUntil: string;
  /** SHA-256 of the certificate, as the clients show it: lower-case hex. */
  readonly fingerprint: string;
  readonly selfSigned: boolean;
  /** Whether the system's authorities, or the one that was given, vouch for it. */
  readonly trusted: boolean;
  /** Whether it is trusted for the one that was given: clients must pin that one, and then expect its first DNS name, if it has any. */
  readonly pinned: boolean;
  /** Why it is not trusted, as OpenSSL calls it, such as `CERT_HAS_EXPIRED`. */
  readonly distrust: string | undefined;
  /** Whether it is for the host of the address. */
  readonly matchesHost: boolean;
}

/** `proxy`: the one that plain HTTP goes through here, without credentials. It may answer for the server. */
export type PlainFacts = { readonly url: string; readonly proxy: string | undefined } & PlainOutcome;

type PlainOutcome =
  /**
   * No answer, and nobody refuses. `sent` false: not even a connection, for which each client waits until the system gives up, about two
   * minutes, for each file. `sent` true: a connection on which no answer comes; clients wait 30 seconds.
   */
  | { readonly kind: "silent"; readonly sent: boolean }
  /** Refused (`sent` false), or cut or answered with something that is not HTTP after the request had gone out: clients go on to https at once. */
  | { readonly kind: "refused"; readonly sent: boolean }
  /** An answer, after redirects. */
  | {
      readonly kind: "answered";
      readonly status: number;
      /** Where the first redirect leads. */
      readonly redirect: string | undefined;
      readonly loop: Exchange["loop"];
      readonly length: number | undefined;
      /** With status 200: what came, told by its length. `file`: as many bytes as the file has. */
      readonly content: "file" | "longer" | "shorter" | "unknown" | undefined;
    };
