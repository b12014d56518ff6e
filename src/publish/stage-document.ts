import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { DocumentRecord } from "../store/generation.ts";
import type { StoreWriter } from "../store/store.ts";

const compress = promisify(gzip);

/**
 * Puts a document into the writer's area, gzipped as it lies in the store and is sent. Level 6: level 9 takes three times as long for two
 * percent.
 */
export async function stageDocument(
  writer: StoreWriter,
  content: string | Uint8Array,
  type: string,
): Promise<DocumentRecord> {
  const stored = await writer.put(await compress(content, { level: 6 }));
  return { ...stored, encoding: "gzip", type };
}
