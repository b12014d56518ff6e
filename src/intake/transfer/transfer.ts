import type { Sha256 } from "../../store/sha256.ts";

/** One item to bring from an upstream into a writer's area. */
export interface TransferJob {
  /** Path at the upstream. */
  readonly path: string;
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
  /**
   * Blobs (metadata of split images, staged or in the store) to hash together with this one in the same pass: for each the answer says
   * what the fingerprint of that pair is.
   */
  readonly metadata?: readonly Sha256[];
  /** Begin anew when what an earlier try left leads to wrong bytes. Not for files that somebody reads while they come. */
  readonly mayRestart?: boolean;
}

export interface TransferResult {
  /** Bytes that came over the network, more than the file has when it had to be begun again. */
  readonly fetched: number;
  /** Bytes that an earlier try had left. */
  readonly reused: number;
  /** SHA-256 of metadata followed by this blob, by the metadata's SHA-256. */
  readonly fingerprints: ReadonlyMap<Sha256, string>;
}

/** What happens on the way. All optional; called in this order, `onProgress` many times. */
export interface TransferEvents {
  /** The upstream answered and the file is there to be read while it grows: `location` is for `Store.openGrowing`. */
  onBegin?(location: string): void;
  /** Bytes from the start of the file that are written and can be read. Never all of them before `onVerified`: wrong bytes are never completed. */
  onProgress?(written: number): void;
  /** Size and SHA-256 match: every byte may be read. The blob is staged (synced) a moment later, when the transfer resolves. */
  onVerified?(): void;
}

/**
 * Brings items. `transfer` resolves when the blob is staged in the writer's area; throws the upstream's errors after all retries,
 * UPSTREAM_WRONG when size or hash differ, STORE_FULL. What is there of an unfinished file stays for a later try, unless its bytes are wrong.
 */
export interface Transfers {
  transfer(job: TransferJob, events?: TransferEvents, signal?: AbortSignal): Promise<TransferResult>;
  close(): Promise<void>;
}
