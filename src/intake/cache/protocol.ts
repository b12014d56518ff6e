import type { Socket } from "node:net";
import { HeadwaterError, type ErrorCode } from "../../error.ts";
import { isObject } from "../../simplestreams/containers.ts";
import type { Sha256 } from "../../store/sha256.ts";

/**
 * What processes of one store say to the one that holds `state/serve.sock`, in lines of JSON:
 *
 *     {"ask":1,"want":{"stream":"ubuntu","path":"a/b.squashfs","sha256":"...","size":1000}}
 *     {"used":[{"stream":"ubuntu","sha256":"..."}]}                 no answer
 *
 * and what it answers, with the number of the question:
 *
 *     {"ask":1,"begin":"fill-..."}       the upstream answered; the place is for `Store.openGrowing`
 *     {"ask":1,"written":262144}         so many bytes can be read, never the last one
 *     {"ask":1,"verified":true}          size and SHA-256 match: all can be read
 *     {"ask":1,"kept":true}              the end: it is in the store (false: what is open can be read, and nothing more)
 *     {"ask":1,"failed":{...}}           the end: nothing more comes
 *
 * A connection that ends takes no download with it.
 */
export interface WantedItem {
  readonly stream: string;
  /** Path at the upstream. */
  readonly path: string;
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
}

export interface UsedItem {
  readonly stream: string;
  readonly sha256: Sha256;
}

export type ToHolder =
  | { readonly ask: number; readonly want: WantedItem }
  | { readonly used: readonly UsedItem[] };

/** What becomes of one download. */
export type FillEvent =
  | { readonly begin: string }
  | { readonly written: number }
  | { readonly verified: true }
  | { readonly kept: boolean }
  | { readonly failed: Failure };

export type FromHolder = FillEvent & { readonly ask: number };

/** An error on its way between processes. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Of the upstream's answer, when it refused. */
  readonly status?: number;
}

const LONGEST_LINE = 64 * 1024;
/** A process that reads nothing is left alone. */
const MOST_WAITING = 4 * 1024 * 1024;

/** Calls back for every line that is an object; a line that is too long or no JSON ends the connection. */
export function readLines(socket: Socket, onLine: (line: Readonly<Record<string, unknown>>) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    try {
      if (rest.length > LONGEST_LINE) throw new Error("line too long");
      for (const line of lines) {
        const value: unknown = JSON.parse(line);
        if (isObject(value)) onLine(value);
      }
    } catch {
      socket.destroy();
    }
  });
}

export function sendMessage(socket: Socket, message: ToHolder | FromHolder): void {
  if (socket.destroyed) return;
  if (socket.writableLength > MOST_WAITING) socket.destroy();
  else socket.write(`${JSON.stringify(message)}\n`);
}

/** Undefined when it is none. */
export function wantedItem(value: unknown): WantedItem | undefined {
  if (!isObject(value)) return undefined;
  const { stream, path, sha256, size } = value;
  if (typeof stream !== "string" || typeof path !== "string" || typeof size !== "number") return undefined;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return { stream, path, sha256, size };
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof HeadwaterError))
    return { code: "UPSTREAM_UNREACHABLE", message: "The download failed; the log says why." };
  const { status } = error.details ?? {};
  return {
    code: error.code,
    message: error.message,
    ...(typeof status === "number" ? { status } : {}),
  };
}

export function errorOf({ code, message, status }: Failure): HeadwaterError {
  return new HeadwaterError(code, message, { details: status === undefined ? {} : { status } });
}
