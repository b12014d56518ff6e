import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { HeadwaterError } from "../../error.ts";
import { tooSlow, unreachable, wrong } from "../failures.ts";

/** Bytes of one document, decompressed. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The body of an answer, whole. Ends as soon as it is too long, whatever was announced. */
export async function readDocument(
  answer: IncomingMessage,
  place: string,
  patienceMs: number,
): Promise<Uint8Array> {
  const announced = Number(answer.headers["content-length"] ?? Number.NaN);
  if (announced > MAX_BYTES) {
    answer.destroy();
    throw wrong(place, `expected at most ${MAX_BYTES} bytes, the upstream announces ${announced}`);
  }
  const deadline = setTimeout(() => {
    answer.destroy(tooSlow(place, `the document did not come within ${patienceMs / 1000} seconds`));
  }, patienceMs);
  try {
    const bytes = await gather(bodyOf(answer, place), place);
    checkBeginning(bytes, place);
    return bytes;
  } catch (error) {
    if (error instanceof HeadwaterError) throw error;
    if (isDamagedGzip(error)) throw wrong(place, "its gzip data is damaged");
    throw unreachable(place, error);
  } finally {
    clearTimeout(deadline);
    answer.destroy();
  }
}

/** Codes of zlib begin so. */
function isDamagedGzip(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}

function bodyOf(answer: IncomingMessage, place: string): Readable {
  const encoding = answer.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return answer;
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    throw wrong(place, `expected no encoding or gzip, got ${JSON.stringify(encoding)}`);
  }
  const plain = createGunzip();
  answer.on("error", (error) => plain.destroy(error));
  // Node ends a body that was cut short with `aborted`, not always with an error.
  answer.on("aborted", () => plain.destroy(Object.assign(new Error("cut"), { code: "ECONNRESET" })));
  return answer.pipe(plain);
}

async function gather(body: Readable, place: string): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    size += piece.byteLength;
    if (size > MAX_BYTES) {
      body.destroy();
      throw wrong(place, `expected at most ${MAX_BYTES} bytes, and more came`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** A maintenance page with status 200 must never be taken for a list. */
function checkBeginning(bytes: Uint8Array, place: string): void {
  const path = place.replace(/[?#].*$/, "");
  const begin = Buffer.from(bytes.subarray(0, 256)).toString("latin1").trimStart();
  const isArmored = begin.startsWith("-----BEGIN PGP ");
  if (path.endsWith(".json") && !begin.startsWith("{")) {
    throw wrong(place, `expected JSON, got ${begin === "" ? "nothing" : "something else, such as a page"}`);
  }
  if (path.endsWith(".sjson") && !isArmored) throw wrong(place, "expected a clear-signed document");
  if (/\.(?:gpg|asc)$/.test(path) && !isArmored && /^<|^\{/.test(begin)) {
    throw wrong(place, "expected a signature, got a page");
  }
}
