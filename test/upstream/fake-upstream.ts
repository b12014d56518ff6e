import { Readable } from "node:stream";
import { HeadwaterError } from "../../src/error.ts";
import type {
  DocumentAnswer,
  DocumentOptions,
  ItemAnswer,
  ItemOptions,
  Upstream,
} from "../../src/upstream/upstream.ts";

export interface FakeUpstream extends Upstream {
  /** What it was asked for so far. */
  readonly asked: readonly (DocumentOptions & ItemOptions & { readonly path: string })[];
  /** How the next requests fail, one after the other. */
  failNext(...errors: readonly Error[]): void;
  isClosed: boolean;
}

/** An upstream in memory that answers everything with `bytes`, unless it is told to fail. */
export function fakeUpstream(url: string, bytes: Buffer = Buffer.from("{}")): FakeUpstream {
  const asked: (DocumentOptions & ItemOptions & { path: string })[] = [];
  const failures: Error[] = [];
  const note = (path: string, options: DocumentOptions & ItemOptions = {}): void => {
    asked.push({ path, ...options });
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  };
  return {
    url,
    asked,
    isClosed: false,
    failNext: (...errors) => failures.push(...errors),
    document: async (path, options): Promise<DocumentAnswer> => {
      note(path, options);
      return { kind: "fresh", bytes, validators: { etag: `"${url}"` } };
    },
    item: async (path, options): Promise<ItemAnswer> => {
      note(path, options);
      const pieces = Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, index) =>
        bytes.subarray(index * 16_384, (index + 1) * 16_384),
      );
      return {
        from: 0,
        size: bytes.length,
        validators: {},
        body: Readable.from(pieces, { objectMode: false }),
      };
    },
    async close() {
      this.isClosed = true;
    },
  };
}

export const unreachableNow = (): HeadwaterError =>
  new HeadwaterError("UPSTREAM_UNREACHABLE", "the connection was cut");
export const refusedWith = (status: number, retryAfterMs?: number): HeadwaterError =>
  new HeadwaterError("UPSTREAM_REFUSED", `answered ${status}`, {
    details: { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
export const wrongAnswer = (): HeadwaterError => new HeadwaterError("UPSTREAM_WRONG", "a page");
