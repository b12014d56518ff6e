import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseListenAddress } from "../../src/config/listen-address.ts";
import { CERTIFICATE_FILE, ensureCertificate } from "../../src/server/certificate.ts";
import { startServer } from "../../src/server/serve.ts";
import { commit } from "../../src/store/commit.ts";
import type { DocumentRecord } from "../../src/store/generation.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { freshPort } from "./fresh-port.ts";
import { daemons } from "./user.ts";

export interface RawTrees {
  /** Base URL of a tree, by its name. */
  url(name: string): string;
  readonly pem: string;
  close(): Promise<void>;
}

/**
 * Serves trees with Headwater's own server, as it serves what was published: documents of one generation, which no part of
 * Headwater has looked into. Each tree has a base URL of its own on the one server.
 */
export async function serveRawTrees(
  trees: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>,
): Promise<RawTrees> {
  const store = createMemoryStore();
  await publishRaw(store, trees);
  const folder = await mkdtemp(join(daemons().folder, "raw-"));
  const { pem } = await ensureCertificate(folder, ["raw.test"]);
  const file = join(folder, CERTIFICATE_FILE);
  const port = await freshPort();
  const server = await startServer({
    store,
    listen: [parseListenAddress(`127.0.0.1:${port}`)],
    certificate: { certificate: file, key: file },
  });
  return {
    url: (name) => `https://127.0.0.1:${port}/${name}`,
    pem,
    close: async () => {
      await server.close(0);
      await rm(folder, { recursive: true });
    },
  };
}

async function publishRaw(
  store: Store,
  trees: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>,
): Promise<void> {
  const writer = await store.writer("raw");
  try {
    const documents: Record<string, DocumentRecord> = {};
    for (const [name, tree] of trees) {
      for (const [path, bytes] of tree) {
        const blob = await writer.put(gzipSync(bytes));
        documents[`${name}/${path}`] = { ...blob, encoding: "gzip", type: "application/json" };
      }
    }
    const reason = { verb: "add", text: "trees as they are" };
    await commit(store, writer, () => ({ reason, rules: 1, streams: [], documents, blobs: [] }));
  } finally {
    await writer.close();
  }
}
