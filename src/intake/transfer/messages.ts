import { type ErrorCode, HeadwaterError } from "../../error.ts";
import type { UpstreamOptions } from "../../upstream/upstream-options.ts";
import type { TransferJob, TransferResult } from "./transfer.ts";

/** What a thread is started with. */
export interface ThreadData {
  /** Of the directory store. */
  readonly folder: string;
  readonly writerId: string;
  readonly upstream: UpstreamOptions;
}

export type ToThread =
  | { readonly kind: "transfer"; readonly id: number; readonly job: TransferJob }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "close" };

export type FromThread =
  | { readonly kind: "begin"; readonly id: number; readonly location: string }
  | { readonly kind: "progress"; readonly id: number; readonly written: number }
  | { readonly kind: "verified"; readonly id: number }
  | { readonly kind: "done"; readonly id: number; readonly result: TransferResult }
  | { readonly kind: "failed"; readonly id: number; readonly error: TransferFailure };

/** An error on its way between threads or processes. */
export interface TransferFailure {
  readonly code: ErrorCode | "";
  readonly message: string;
  readonly hint?: string;
  readonly details?: HeadwaterError["details"];
}

export function failureOf(error: unknown): TransferFailure {
  if (!(error instanceof HeadwaterError)) {
    return { code: "", message: error instanceof Error ? error.message : String(error) };
  }
  const { code, message, hint, details } = error;
  return { code, message, details, ...(hint === undefined ? {} : { hint }) };
}

export function errorOf({ code, message, hint, details = {} }: TransferFailure): Error {
  if (code === "") return new Error(message);
  return new HeadwaterError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
}
