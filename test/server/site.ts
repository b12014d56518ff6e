import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CERTIFICATE_FILE, ensureCertificate } from "../../src/server/certificate.ts";
import { parseListenAddress } from "../../src/config/listen-address.ts";
import type { Logger } from "../../src/server/logger.ts";
import type { RunningServer, ServeOptions } from "../../src/server/serve.ts";
import { startServer } from "../../src/server/serve.ts";
import { commit } from "../../src/store/commit.ts";
import type { DocumentRecord, Generation, GenerationRange } from "../../src/store/generation.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { BlobReader, Store, StoreWriter } from "../../src/store/store.ts";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes that differ at every position from their neighbours', so that a shifted range shows. */
export function someBytes(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Puts items and a minimal set of documents into a store, as one generation. */
export async function publish(
  store: Store,
  items: Readonly<Record<string, Uint8Array>>,
  keeps?: readonly GenerationRange[],
): Promise<Generation> {
  const writer = await store.writer("test");
  try {
    const listed: Record<string, object> = {};
    const blobs: string[] = [];
    for (const [path, bytes] of Object.entries(items)) {
      const { sha256, size } = await put(writer, bytes);
      listed[path] = { path, ftype: "squashfs", sha256, size };
      blobs.push(sha256);
    }
    const products = {
      format: "products:1.0",
      datatype: "image-downloads",
      products: {
        "debian:12:default:amd64": { arch: "amd64", versions: { "20260101_0000": { items: listed } } },
      },
    };
    const index = {
      format: "index:1.0",
      index: {
        images: { datatype: "image-downloads", path: "streams/v1/images.json", products: ["debian"] },
      },
    };
    const documents: Record<string, DocumentRecord> = {
      "streams/v1/index.json": await putJson(writer, index),
      "streams/v1/images.json": await putJson(writer, products),
      "images/streams/v1/index.json": await putJson(writer, index),
      "images/streams/v1/images.json": await putJson(writer, products),
      "meta/1.0/index-system": await putText(writer, "debian;12;amd64;default;20260101_0000;/images/x/\n"),
    };
    const generation = await commit(store, writer, () => ({
      reason: { verb: "add", text: "a test" },
      rules: 1,
      streams: [{ name: "images", origin: "own", products: ["images/streams/v1/images.json"], hidden: [] }],
      documents,
      blobs,
      ...(keeps === undefined ? {} : { keeps }),
    }));
    if (generation === undefined) throw new Error("nothing was published");
    return generation;
  } finally {
    await writer.close();
  }
}

async function put(writer: StoreWriter, bytes: Uint8Array): Promise<{ sha256: string; size: number }> {
  return writer.put(bytes);
}

async function putJson(writer: StoreWriter, value: object): Promise<DocumentRecord> {
  const bytes = gzipSync(JSON.stringify(value));
  return { ...(await put(writer, bytes)), encoding: "gzip", type: "application/json" };
}

async function putText(writer: StoreWriter, text: string): Promise<DocumentRecord> {
  return { ...(await put(writer, Buffer.from(text))), encoding: "identity", type: "text/plain" };
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (facts: object, message: string): void => {
      lines.push({ level, message, facts: { ...facts } });
    };
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
}

export interface Site {
  readonly server: RunningServer;
  readonly log: ReturnType<typeof recordingLogger>;
  /** Port of the address for TLS. */
  readonly port: number;
  /** Port of the full plain address. */
  readonly proxied: number;
  /** PEM to trust. */
  readonly ca: string;
  readonly tlsFolder: string;
  close(): Promise<void>;
}

/** A server on free ports of 127.0.0.1, with a new certificate. */
export async function startSite(
  options: Partial<ServeOptions> = {},
): Promise<Site & { readonly store: Store }> {
  const store = options.store ?? createMemoryStore();
  const folder = await mkdtemp(join(tmpdir(), "hw-server-"));
  const tlsFolder = join(folder, "tls");
  const { pem } = await ensureCertificate(tlsFolder, ["images.example"]);
  const file = join(tlsFolder, CERTIFICATE_FILE);
  const log = recordingLogger();
  const server = await startServer({
    store,
    listen: ["127.0.0.1:0", "http://127.0.0.1:0"].map(parseListenAddress),
    certificate: { certificate: file, key: file },
    url: "https://images.example:8443",
    log,
    pollMs: 20,
    ...options,
  });
  const portOf = (kind: string): number =>
    server.addresses.find((address) => address.kind === kind)?.port ?? 0;
  return {
    store,
    server,
    log,
    port: portOf("tls"),
    proxied: portOf("proxied"),
    ca: pem,
    tlsFolder,
    close: async () => {
      await server.close(0);
      await rm(folder, { recursive: true });
    },
  };
}

export interface BlobWatch {
  readonly store: Store;
  /** Blobs opened so far. */
  opened: number;
  /** Blobs open now. */
  open: number;
  /** Awaited before every read. */
  beforeRead: () => Promise<void>;
  /** Where blobs end for those who read them, whatever size they tell. */
  endsAt: number;
}

/** Counts how often blobs are opened and closed; reading after closing and closing twice throw. */
export function watchBlobs(store: Store): BlobWatch {
  const open = async (digest: string): Promise<BlobReader | undefined> => {
    const reader = await store.open(digest);
    if (reader === undefined) return undefined;
    watch.opened += 1;
    watch.open += 1;
    let isClosed = false;
    return {
      sha256: reader.sha256,
      size: reader.size,
      read: async (buffer, position) => {
        await watch.beforeRead();
        if (isClosed) throw new Error("read after close");
        return position >= watch.endsAt ? 0 : reader.read(buffer, position);
      },
      close: async () => {
        if (isClosed) throw new Error("closed twice");
        isClosed = true;
        watch.open -= 1;
        await reader.close();
      },
    };
  };
  const watched = new Proxy(store, {
    get(target, key) {
      if (key === "open") return open;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const watch: BlobWatch = {
    store: watched,
    opened: 0,
    open: 0,
    beforeRead: () => Promise.resolve(),
    endsAt: Number.POSITIVE_INFINITY,
  };
  return watch;
}

/** Waits until `condition` holds; a test that waits in vain runs into its time limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
