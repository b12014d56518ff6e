import type { ServedItem } from "../../store/items.ts";
import type { BlobReader } from "../../store/store.ts";
import type { ApiImage } from "../../views/image-api/api-image.ts";
import { fileName } from "../../views/image-api/render-api.ts";
import type { Exchange } from "../exchange.ts";
import { JoinedReader, type Part } from "../joined-reader.ts";
import type { LoadedGeneration } from "../loaded-generation.ts";
import { fillFailure, type OpenedItem, openItem } from "../open-item.ts";
import type { RouteContext } from "../route-context.ts";
import { sendApiError } from "./api-answer.ts";

const MISSING = "The files of this image are missing here; the operator can find out with headwater verify";

/**
 * Sends the files of an image: a unified one as it is, metadata and root as the two parts of a form, in this order and under these
 * names (client/incus_images.go, client/lxd_images.go). All files are open before the first byte leaves, so that a failure is an answer.
 */
export async function answerExport(
  context: RouteContext,
  exchange: Exchange,
  { image, loaded }: { readonly image: ApiImage; readonly loaded: LoadedGeneration },
): Promise<void> {
  const { response, isHead } = exchange;
  const items = image.files.map(({ path }) => loaded.items.get(path));
  if (!items.every((item) => item !== undefined)) return sendApiError(exchange, 404, "Image not found");
  const form = image.files.length > 1 ? new Form(image) : undefined;
  const reply = (size: number): void => {
    response.statusCode = 200;
    response.setHeader("Content-Type", form?.type ?? "application/octet-stream");
    if (form === undefined) {
      response.setHeader("Content-Disposition", `inline; filename="${fileName(image, 0)}"`);
    }
    response.setHeader("Content-Length", size);
    response.setHeader("X-Content-Type-Options", "nosniff");
  };
  if (isHead) {
    reply(items.reduce((sum, { size }) => sum + size, form?.extraBytes ?? 0));
    response.end();
    return;
  }
  const readers = await openAll(context, exchange, items);
  if (readers === undefined) return;
  const body = new JoinedReader(image.fingerprint, form?.around(readers) ?? readers);
  const slot = await context.sender.place(response);
  if (slot === undefined) {
    await body.close();
    return sendApiError(exchange, 503, "Too many downloads at once; try again in a moment", {
      "Retry-After": 10,
    });
  }
  reply(body.size);
  await context.sender.blob(response, slot, body, { start: 0, end: body.size });
}

/** All of them, or none and an answer that says why. */
async function openAll(
  context: RouteContext,
  exchange: Exchange,
  items: readonly ServedItem[],
): Promise<BlobReader[] | undefined> {
  const tried = await Promise.allSettled(items.map((item) => openItem(context, item, exchange.response)));
  const opened = tried.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const readers = opened.flatMap((one) => (one.kind === "open" ? [one.reader] : []));
  if (readers.length === items.length) return readers;
  await Promise.all(readers.map((reader) => reader.close()));
  const thrown = tried.find((one) => one.status === "rejected");
  if (thrown !== undefined) throw thrown.reason;
  const failed = opened.find((one) => one.kind !== "open");
  if (failed !== undefined) answerFailure(exchange, failed);
  return undefined;
}

function answerFailure(exchange: Exchange, failed: Exclude<OpenedItem, { kind: "open" }>): void {
  const { response } = exchange;
  if (response.destroyed || response.closed) return;
  if (failed.kind === "missing") return sendApiError(exchange, 503, MISSING, { "Retry-After": 10 });
  const { status, line, retryAfterSeconds } = fillFailure(failed.error);
  const headers = retryAfterSeconds === undefined ? {} : { "Retry-After": retryAfterSeconds };
  sendApiError(exchange, status, line, headers);
}

/** The form of a split image. Its separator cannot be in it by accident: it is a hash over it. */
class Form {
  readonly #heads: readonly Buffer[];
  readonly #end: Buffer;
  readonly #boundary: string;

  constructor(image: ApiImage) {
    this.#boundary = `headwater-${image.fingerprint.slice(0, 48)}`;
    const root = image.type === "container" ? "rootfs" : "rootfs.img";
    this.#heads = ["metadata", root].map((name, at) =>
      Buffer.from(
        `${at === 0 ? "" : "\r\n"}--${this.#boundary}\r\n` +
          `Content-Disposition: form-data; name="${name}"; filename="${fileName(image, at)}"\r\n` +
          "Content-Type: application/octet-stream\r\n\r\n",
      ),
    );
    this.#end = Buffer.from(`\r\n--${this.#boundary}--\r\n`);
  }

  get type(): string {
    return `multipart/form-data; boundary=${this.#boundary}`;
  }

  /** Bytes besides those of the files. */
  get extraBytes(): number {
    return this.#heads.reduce((sum, { byteLength }) => sum + byteLength, this.#end.byteLength);
  }

  around(readers: readonly BlobReader[]): Part[] {
    return [...readers.flatMap((reader, at) => [this.#heads[at] ?? Buffer.alloc(0), reader]), this.#end];
  }
}
