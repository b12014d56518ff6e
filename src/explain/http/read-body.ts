import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Failure } from "../tree.ts";
import { codeOf, failureOf, seconds, Stopped } from "./failures.ts";

export interface ReadBody {
  /** Called with each piece in order. What it throws ends the reading and is thrown on. */
  readonly take: (piece: Uint8Array) => void;
  /** More bytes than these, after decompression, are not taken. */
  readonly most: number;
  readonly silenceMs: number;
  readonly totalMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Encodings that change bytes and that Go's client leaves as they are: it decodes `gzip`, in any case of its letters, and nothing else. */
const NOT_DECODED = /^(?:x-gzip|compress|x-compress|deflate|br|zstd|.*,.*)$/i;

/** Reads a body as Go's client does: gzip is decompressed, and what other encodings mean is not known. Always ends. */
export async function readBody(
  answer: IncomingMessage,
  body: ReadBody,
): Promise<{ readonly sent: number; readonly failure: Failure | undefined }> {
  body.signal?.throwIfAborted();
  const encoding = (answer.headers["content-encoding"] ?? "identity").trim();
  if (NOT_DECODED.test(encoding)) {
    answer.destroy();
    const why = `it is encoded as ${JSON.stringify(encoding.slice(0, 60))}, which the clients do not decode`;
    return { sent: 0, failure: { kind: "encoded", why } };
  }
  const isGzip = encoding.toLowerCase() === "gzip";
  const announced = Number(answer.headers["content-length"] ?? 0);
  if (announced > body.most && !isGzip) {
    answer.destroy();
    return { sent: 0, failure: tooLarge(body.most) };
  }
  return readAll(answer, body, isGzip);
}

async function readAll(
  answer: IncomingMessage,
  { take, most, silenceMs, totalMs, signal }: ReadBody,
  isGzip: boolean,
): Promise<{ readonly sent: number; readonly failure: Failure | undefined }> {
  const state = { sent: 0, got: 0 };
  const stop = (why: string) => () => answer.destroy(new Stopped({ kind: "slow", why }));
  const tooSilent = stop(`not a byte more came for ${seconds(silenceMs)}`);
  let silence = setTimeout(tooSilent, silenceMs);
  const late = setTimeout(stop(`it did not come within ${seconds(totalMs)}`), totalMs);
  const onAbort = (): void => {
    answer.destroy(new Stopped({ kind: "cut", why: "it was stopped" }));
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  const counted = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      // While this side is busy with a piece, the server is not the silent one.
      clearTimeout(silence);
      state.sent += piece.byteLength;
      yield piece;
      silence = setTimeout(tooSilent, silenceMs);
    }
  };
  let mistake: { readonly error: unknown } | undefined;
  const consume = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of source) {
      state.got += piece.byteLength;
      if (state.got > most) throw new Stopped(tooLarge(most));
      try {
        take(piece);
      } catch (error) {
        mistake = { error };
        throw error;
      }
    }
  };
  try {
    if (isGzip) await pipeline(answer, counted, createGunzip(), consume);
    else await pipeline(answer, counted, consume);
    return { sent: state.sent, failure: undefined };
  } catch (error) {
    signal?.throwIfAborted();
    if (mistake !== undefined) throw mistake.error;
    return { sent: state.sent, failure: bodyFailure(error, state.sent, answer) };
  } finally {
    clearTimeout(silence);
    clearTimeout(late);
    signal?.removeEventListener("abort", onAbort);
    if (!answer.complete) answer.destroy();
  }
}

function bodyFailure(error: unknown, sent: number, answer: IncomingMessage): Failure {
  if (error instanceof Stopped) return error.failure;
  // Codes of zlib begin so.
  if (codeOf(error).startsWith("Z_")) return { kind: "damaged", why: "its gzip data is damaged" };
  const { code, ...failure } = failureOf(error);
  if (failure.kind !== "cut" || code.startsWith("HPE_")) return { ...failure, kind: "cut" };
  const announced = answer.headers["content-length"];
  const of = announced === undefined ? "" : ` of ${Number(announced)}`;
  return { kind: "cut", why: `the connection was cut after ${sent}${of} bytes` };
}

function tooLarge(most: number): Failure {
  return { kind: "too-large", why: `it has more than ${most} bytes` };
}
