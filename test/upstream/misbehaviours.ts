import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as later } from "node:timers/promises";
import { gzipSync } from "node:zlib";

/** What an upstream can do to us, by accident or not. */
export type Misbehaviour =
  /** Announces all bytes and cuts the connection after `at` of those it was asked for. */
  | { readonly kind: "truncate"; readonly at: number }
  /** Ends the connection at this byte of the file, wherever a range begins. */
  | { readonly kind: "close at"; readonly offset: number }
  | { readonly kind: "other bytes"; readonly bytes: Uint8Array }
  /** Another Content-Length, with as many bytes. */
  | { readonly kind: "longer"; readonly by: number }
  | { readonly kind: "announces"; readonly length: number }
  | { readonly kind: "ignores range" }
  /** The range asked for, and bytes from elsewhere. */
  | { readonly kind: "other range"; readonly shift: number }
  /** Ignores If-Range: sends the range of a file that has changed. */
  | { readonly kind: "changed etag"; readonly bytes: Uint8Array }
  | { readonly kind: "redirect"; readonly to: string; readonly status?: number }
  /** A few bytes at a time, with pauses between. */
  | { readonly kind: "drip"; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: "html" }
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Valid so far, for ever; stops at `bytes` when given. */
  | { readonly kind: "endless"; readonly bytes?: number }
  | { readonly kind: "gzip bomb"; readonly bytes: number }
  | { readonly kind: "nested"; readonly levels: number }
  /** Never answers. */
  | { readonly kind: "silent" }
  /** The head and some bytes, and then nothing. */
  | { readonly kind: "stalls"; readonly at: number }
  | { readonly kind: "gzip" }
  | { readonly kind: "broken gzip" }
  | { readonly kind: "last-modified only" }
  | { readonly kind: "no validators" };

export interface Scene {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly bytes: Buffer;
  readonly file: { readonly etag: string; readonly lastModified: string } | undefined;
}

/** Answers, as it was told. */
export function misbehaveNow(how: Misbehaviour, scene: Scene): void {
  const { response, bytes, file } = scene;
  const etag = file?.etag ?? '"none"';
  const from = Number(/^bytes=(\d+)-/.exec(scene.request.headers.range ?? "")?.[1] ?? 0);
  switch (how.kind) {
    case "truncate":
    case "close at": {
      const rest = startAnswer(scene, from);
      const end = how.kind === "truncate" ? how.at : Math.max(0, how.offset - from);
      response.write(rest.subarray(0, end), () => response.destroy());
      return;
    }
    case "stalls": {
      const rest = startAnswer(scene, from);
      response.write(rest.subarray(0, how.at));
      return;
    }
    case "other bytes":
      response.writeHead(200, { ETag: etag, "Content-Length": how.bytes.length }).end(how.bytes);
      return;
    case "longer":
      response.writeHead(200, { ETag: etag, "Content-Length": bytes.length + how.by });
      response.end(Buffer.concat([bytes, Buffer.alloc(how.by)]));
      return;
    case "announces":
      response.writeHead(200, { ETag: etag, "Content-Length": how.length });
      response.write(bytes);
      return;
    case "ignores range":
      response.writeHead(200, { ETag: etag, "Content-Length": bytes.length }).end(bytes);
      return;
    case "other range": {
      const start = Math.max(0, from + how.shift);
      const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
      response.writeHead(206, { ETag: etag, "Content-Range": range, "Content-Length": bytes.length - start });
      response.end(bytes.subarray(start));
      return;
    }
    case "changed etag":
      if (from === 0) response.writeHead(200, { ETag: '"changed"' }).end(how.bytes);
      else
        response
          .writeHead(206, {
            ETag: '"changed"',
            "Content-Range": `bytes ${from}-${how.bytes.length - 1}/${how.bytes.length}`,
          })
          .end(how.bytes.subarray(from));
      return;
    case "redirect":
      response.writeHead(how.status ?? 302, { Location: how.to, "Content-Length": 0 }).end();
      return;
    case "drip":
      void drip(how, startAnswer(scene, from), response);
      return;
    case "html":
      response.writeHead(200, { "Content-Type": "text/html" });
      response.end("<!doctype html><h1>Back soon</h1>");
      return;
    case "status":
      response.writeHead(how.status, how.headers).end("a status");
      return;
    case "endless":
      response.writeHead(200, { "Content-Type": "application/json" });
      void pour(response, how.bytes ?? Number.POSITIVE_INFINITY);
      return;
    case "gzip bomb":
      response.writeHead(200, { "Content-Encoding": "gzip" }).end(bomb(how.bytes));
      return;
    case "nested":
      response.writeHead(200).end(`{"a":${"[".repeat(how.levels)}${"]".repeat(how.levels)}}`);
      return;
    case "silent":
      return;
    case "gzip":
      response.writeHead(200, { ETag: etag, "Content-Encoding": "gzip" }).end(gzipSync(bytes));
      return;
    case "broken gzip": {
      const packed = gzipSync(bytes);
      packed.fill(0x55, packed.length >> 1);
      response.writeHead(200, { "Content-Encoding": "gzip" }).end(packed);
      return;
    }
    case "last-modified only":
      withoutTags(scene, from, true);
      return;
    case "no validators":
      withoutTags(scene, from, false);
      return;
  }
}

/** An honest head for the bytes asked for. */
function startAnswer({ response, bytes, file }: Scene, from: number): Buffer {
  const rest = bytes.subarray(from);
  response.writeHead(from === 0 ? 200 : 206, {
    ETag: file?.etag ?? '"none"',
    "Content-Length": rest.length,
    ...(from === 0 ? {} : { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  return rest;
}

function withoutTags({ request, response, bytes, file }: Scene, from: number, hasDate: boolean): void {
  const date = file?.lastModified ?? "";
  const condition = request.headers["if-range"];
  const isPart = from > 0 && (condition === undefined || (hasDate && condition === date));
  if (hasDate && request.headers["if-modified-since"] === date) {
    response.writeHead(304).end();
    return;
  }
  const rest = isPart ? bytes.subarray(from) : bytes;
  response.writeHead(isPart ? 206 : 200, {
    ...(hasDate ? { "Last-Modified": date } : {}),
    "Content-Length": rest.length,
    ...(isPart ? { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  response.end(rest);
}

async function drip(
  { bytes, everyMs }: { readonly bytes: number; readonly everyMs: number },
  content: Buffer,
  response: ServerResponse,
): Promise<void> {
  for (let at = 0; at < content.length && !response.destroyed; at += bytes) {
    response.write(content.subarray(at, at + bytes));
    await later(everyMs);
  }
  response.end();
}

/** JSON that goes on and on, as fast as it is taken. */
async function pour(response: ServerResponse, limit: number): Promise<void> {
  const piece = Buffer.alloc(256 * 1024, '"x",');
  response.write('{"a":[');
  for (let sent = 0; sent < limit && !response.destroyed; sent += piece.length) {
    if (response.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        response.off("drain", go).off("close", go);
        resolve();
      };
      response.once("drain", go).once("close", go);
    });
  }
  response.end('"x"]}');
}

/** Gzip members of blanks: a few kilobytes for each 16 MiB. */
function bomb(bytes: number): Buffer {
  const size = 16 * 1024 * 1024;
  const member = gzipSync(Buffer.alloc(size, " "));
  return Buffer.concat(Array.from({ length: Math.ceil(bytes / size) }, () => member));
}
