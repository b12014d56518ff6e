/** How long a server may take, in milliseconds: as long as the clients wait, where they do not wait for ever. */
export interface Patience {
  /** For a connection, TLS included. */
  readonly connectMs: number;
  /** Until the head of an answer about a file: the clients' limit (client/simplestreams_images.go of both). */
  readonly fileHeadMs: number;
  /** Until the head of a document. The clients wait an hour; nobody who looks should have to. */
  readonly documentHeadMs: number;
  /** Without a byte of a body. */
  readonly silenceMs: number;
  /** For a whole document. */
  readonly documentMs: number;
  /** For a whole file. */
  readonly fileMs: number;
  /** For plain HTTP: until a connection, and until an answer. */
  readonly plainMs: number;
}

export const PATIENCE: Patience = {
  connectMs: 10_000,
  fileHeadMs: 30_000,
  documentHeadMs: 60_000,
  silenceMs: 60_000,
  documentMs: 5 * 60_000,
  fileMs: 6 * 3600_000,
  plainMs: 5000,
};
