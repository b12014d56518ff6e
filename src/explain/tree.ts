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
  server(): Promise<ServerFacts | undefined>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FileOptions extends AskOptions {
  /** Called with each piece in order. Without it nothing but the head is asked for. */
  readonly read?: ((piece: Uint8Array) => void) | undefined;
}

export type DocumentAnswer =
  | { readonly kind: "there"; readonly bytes: Uint8Array; readonly exchange?: Exchange }
  /** `why` is a sentence without a full stop: `the server answers 404`, `there is no such file`. */
  | { readonly kind: "absent"; readonly why: string; readonly exchange?: Exchange };

export type FileAnswer =
  /** `size` is undefined when the server does not say it. */
  | { readonly kind: "there"; readonly size: number | undefined; readonly exchange?: Exchange }
  | { readonly kind: "absent"; readonly why: string; readonly exchange?: Exchange };

/** One question to a server, with all redirects on the way to the answer. */
export interface Exchange {
  /** As asked first, without credentials. */
  readonly url: string;
  /** Where the answer came from; differs from `url` after redirects. */
  readonly finalUrl: string;
  readonly status: number;
  readonly hops: readonly { readonly status: number; readonly location: string }[];
  /** Redirects did not end: there was no answer. */
  readonly loop: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds until the head of the last answer. */
  readonly headMs: number;
  /** Bytes of the body as they were sent, where it was read. */
  readonly sent: number | undefined;
}

/** What is true of a server, whatever is asked for. */
export interface ServerFacts {
  readonly host: string;
  readonly port: number;
  /** Whether a handshake with TLS 1.3 succeeded; the clients accept nothing older. `older` names what it speaks instead, such as `TLSv1.2`. */
  readonly tls13: boolean;
  readonly older: string | undefined;
  readonly certificate: CertificateFacts | undefined;
  /** What happens to the clients' first try for each file: plain HTTP to the same host and port. */
  readonly plain: PlainFacts;
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
  /** Whether it is for the host of the address. */
  readonly matchesHost: boolean;
}

export type PlainFacts =
  /** Nobody answers, and nobody refuses: each client waits for the system's time-out, about two minutes, for each file. */
  | { readonly kind: "silent" }
  /** The connection is refused or cut: clients go on to https at once. */
  | { readonly kind: "refused" }
  /** An answer, after redirects. `isFile`: status 200 and as many bytes as the file has. */
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly redirect: string | undefined;
      readonly length: number | undefined;
      readonly isFile: boolean;
    };
