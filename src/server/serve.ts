import { HeadwaterError } from "../error.ts";
import type { Fills } from "../intake/cache/fills.ts";
import type { Store } from "../store/store.ts";
import type { CertificateDescription } from "./certificate.ts";
import type { CertificateFiles, LoadedCertificate } from "./certificate-source.ts";
import { loadCertificate, watchCertificate } from "./certificate-source.ts";
import type { Counters } from "./counters.ts";
import { zeroCounters } from "./counters.ts";
import { followGenerations } from "./current-generation.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import { formatListenAddress, isLoopback } from "../config/listen-address.ts";
import { ApiTables } from "./image-api/api-table.ts";
import type { ListenerOptions } from "./listener.ts";
import { Listener } from "./listener.ts";
import type { Logger } from "./logger.ts";
import { silentLogger } from "./logger.ts";
import type { PlainPolicy } from "./plain-http.ts";
import type { ConnectionLimits } from "./protocols.ts";
import { CONNECTION_LIMITS, HttpProtocols, secureContextOf } from "./protocols.ts";
import type { RouteContext } from "./route-context.ts";
import { createHandler } from "./routes.ts";
import type { SendSlotsOptions } from "./send-slots.ts";
import { Sender } from "./sender.ts";

export interface ServeOptions {
  readonly store: Store;
  readonly listen: readonly ListenAddress[];
  /** Needed as soon as one address is for TLS. The files are followed: a renewed certificate is used within seconds. */
  readonly certificate?: CertificateFiles | undefined;
  /** The address clients use; printed, and redirected to. */
  readonly url?: string | undefined;
  readonly plain?: PlainPolicy | undefined;
  readonly log?: Logger | undefined;
  readonly pollMs?: number | undefined;
  readonly limits?: ConnectionLimits | undefined;
  readonly slots?: SendSlotsOptions | undefined;
  /** How files at upstreams are had. Left out: only what is held is served. */
  readonly fills?: Fills | undefined;
}

export interface RunningServer {
  /** What it listens on, with the ports the system chose. */
  readonly addresses: readonly BoundAddress[];
  readonly counters: Readonly<Counters>;
  /**
   * Takes no more connections, ends idle ones, and lets running downloads finish for at most `graceMs` (60 s), after
   * which they are cut. Resolves when the last connection has ended. May be called again.
   */
  close(graceMs?: number): Promise<void>;
}

/** `kind` `clear`: the plain side of port 443, on port 80. */
export interface BoundAddress {
  readonly address: string;
  readonly port: number;
  readonly kind: ListenAddress["kind"] | "clear";
}

const CLOSE_GRACE_MS = 60_000;

/**
 * Serves a store until closed. Throws what keeps it from starting: USAGE, ADDRESS_IN_USE, ADDRESS_UNUSABLE,
 * CERTIFICATE_INVALID, FILE_UNREADABLE, STORE_UNUSABLE, STORE_NEWER. An empty store is served: 503 until something is
 * published.
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { store, limits = CONNECTION_LIMITS, log = silentLogger, pollMs } = options;
  const certificate = await ServedCertificateHolder.load(options);
  const current = await followGenerations({ store, log, ...(pollMs === undefined ? {} : { pollMs }) });
  const counters = zeroCounters();
  const sender = new Sender(counters, options.slots);
  const context: RouteContext = {
    store,
    current,
    api: new ApiTables(store),
    sender,
    counters,
    log,
    fills: options.fills,
    plain: options.plain ?? "upstream",
    url: options.url,
    certificate: () => certificate.served,
  };
  const protocols = new HttpProtocols({
    handlerFor: (transport) => createHandler(context, transport),
    certificate: certificate.loaded,
    counters,
    log,
    limits,
  });
  certificate.follow(protocols, log);
  const onConnections = (change: 1 | -1): void => {
    counters.connections += change;
  };
  const listenerOptions = { protocols, silentMs: limits.headersMs, onConnections };
  const stop = (listeners: readonly Listener[], graceMs: number): Promise<void> => {
    current.close();
    certificate.close();
    return closeGracefully(listeners, protocols, graceMs);
  };
  let listeners: readonly Listener[];
  try {
    listeners = await openListeners(options.listen, listenerOptions, log);
  } catch (error) {
    await stop([], 0);
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    addresses: listeners.map(({ address: { address, port, kind } }) => ({ address, port, kind })),
    get counters() {
      return {
        ...counters,
        activeSends: sender.slots.active,
        waitingSends: sender.slots.waiting,
        bufferBytes: sender.bufferBytes,
        evictedSends: sender.slots.evicted,
        generation: current.loaded?.generation.number ?? 0,
      };
    },
    close: (graceMs = CLOSE_GRACE_MS) => {
      closing ??= stop(listeners, graceMs);
      return closing;
    },
  };
}

/** The certificate in use, which changes when its files do. */
class ServedCertificateHolder {
  readonly #files: CertificateFiles | undefined;
  #loaded: LoadedCertificate | undefined;
  #watch: { close(): void } | undefined;

  private constructor(files: CertificateFiles | undefined, loaded: LoadedCertificate | undefined) {
    this.#files = files;
    this.#loaded = loaded;
  }

  static async load({ listen, certificate }: ServeOptions): Promise<ServedCertificateHolder> {
    if (!listen.some(({ kind }) => kind === "tls")) return new ServedCertificateHolder(undefined, undefined);
    if (certificate === undefined) {
      throw new HeadwaterError("USAGE", "Listening for TLS needs a certificate, and none was given.");
    }
    return new ServedCertificateHolder(certificate, await loadCertificate(certificate));
  }

  get loaded(): LoadedCertificate | undefined {
    return this.#loaded;
  }

  get served(): CertificateDescription | undefined {
    return this.#loaded?.description;
  }

  follow({ tls }: HttpProtocols, log: Logger): void {
    if (this.#files === undefined) return;
    this.#watch = watchCertificate({
      files: this.#files,
      log,
      onChange: (loaded) => {
        tls?.setSecureContext(secureContextOf(loaded));
        this.#loaded = loaded;
      },
    });
  }

  close(): void {
    this.#watch?.close();
  }
}

async function openListeners(
  wanted: readonly ListenAddress[],
  options: ListenerOptions,
  log: Logger,
): Promise<Listener[]> {
  const opened: Listener[] = [];
  try {
    for (const address of wanted) {
      if (address.kind === "proxied" && !isLoopback(address.host)) {
        const facts = { address: formatListenAddress(address) };
        log.warn(
          facts,
          "everything is sent in clear here, to other machines too: http:// is for a TLS proxy on this one",
        );
      }
      const listener = new Listener(address, options);
      await listener.open();
      opened.push(listener);
    }
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close()));
    throw error;
  }
  const beside = await openBeside443(wanted, options, log);
  return beside === undefined ? opened : [...opened, beside];
}

/**
 * Clients of port 443 ask port 80 first, for every file. Where a firewall drops that silently they wait two minutes each time, as
 * neither sets a limit for connecting over http (Incus client/util.go, LXD client/util.go).
 */
async function openBeside443(
  wanted: readonly ListenAddress[],
  options: ListenerOptions,
  log: Logger,
): Promise<Listener | undefined> {
  const https = wanted.find(({ kind, port }) => kind === "tls" && port === 443);
  if (https === undefined || wanted.some(({ port }) => port === 80)) return undefined;
  const listener = new Listener({ host: https.host, port: 80, kind: "clear" }, options);
  try {
    await listener.open();
    return listener;
  } catch (error) {
    log.warn(
      { err: error },
      "nothing of ours answers on port 80, which clients of port 443 ask first for every file: make sure that it answers or refuses at once, or they wait two minutes each time",
    );
    return undefined;
  }
}

async function closeGracefully(
  listeners: readonly Listener[],
  protocols: HttpProtocols,
  graceMs: number,
): Promise<void> {
  const closed = Promise.all(listeners.map((listener) => listener.close()));
  const deadline = performance.now() + graceMs;
  protocols.closeIdle();
  while (protocols.running > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    protocols.closeIdle();
  }
  // What is left are half requests and silent connections, or downloads that took too long.
  for (const listener of listeners) listener.cutAll();
  await closed;
  protocols.close();
}
