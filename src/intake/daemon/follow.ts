import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { tlsOptions } from "./connection.ts";
import type { Daemon } from "./daemon.ts";
import { unreachable, wrong } from "./failures.ts";

export interface FollowOptions {
  /** Connects anew; called again whenever the connection was lost. */
  readonly connect: () => Promise<Daemon>;
  /** Takes what is new. Its failures are told to `onTrouble`, and it is called again. */
  readonly onChange: (daemon: Daemon) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  /** The daemon is there and listened to; `events` says whether it tells of changes, or is asked for them. */
  readonly onFollowing?: (daemon: Daemon, events: boolean) => void;
  readonly signal: AbortSignal;
  /** Milliseconds between two looks at a daemon that tells nothing. Default 10 s. */
  readonly pollMs?: number;
}

const POLL_MS = 10_000;
/** What events may have been missed: milliseconds between two looks at a daemon that does tell. */
const LOOK_ANYWAY_MS = 5 * 60_000;
/** An alias follows its image within a moment: one look for both. */
const SETTLE_MS = 300;
const RETRY_MS = { first: 500, most: 15_000 };
/** A connection that died without a word is noticed within two of these. */
const PING_MS = 20_000;

/** Goes on until the signal: a look at the start, one after each change, and one after each time the daemon was away. */
export async function followDaemon(options: FollowOptions): Promise<void> {
  const { connect, onTrouble, signal } = options;
  let waitMs = RETRY_MS.first;
  while (!signal.aborted) {
    try {
      const daemon = await connect();
      try {
        await followUntilLost(daemon, options, () => {
          waitMs = RETRY_MS.first;
        });
      } finally {
        daemon.close();
      }
    } catch (error) {
      if (!signal.aborted) onTrouble(error);
    }
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, RETRY_MS.most);
  }
}

async function followUntilLost(daemon: Daemon, options: FollowOptions, onGood: () => void): Promise<void> {
  const { onChange, onFollowing, signal, pollMs = POLL_MS } = options;
  const stream = await EventStream.open(daemon, signal);
  try {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      stream?.reset();
      await onChange(daemon);
      // Only a look that went well says that the trouble is over.
      onGood();
      if (isFirst) onFollowing?.(daemon, stream !== undefined);
      if (stream === undefined) await pause(pollMs, signal);
      else await stream.changed(LOOK_ANYWAY_MS);
    }
  } finally {
    stream?.close();
  }
}

/** Statuses that stay: this client may not listen, or there is nothing of that kind. */
const TELLS_NOTHING = new Set([401, 403, 404]);

/** Lifecycle events of a daemon, as far as they are about images. */
class EventStream {
  readonly #socket: WebSocket;
  #hasChanged = false;
  #wake: (() => void) | undefined;
  #failure: unknown;

  private constructor(socket: WebSocket, place: string) {
    this.#socket = socket;
    let isAlive = true;
    const ping = setInterval(() => {
      if (!isAlive) socket.terminate();
      isAlive = false;
      socket.ping();
    }, PING_MS);
    socket.on("pong", () => {
      isAlive = true;
    });
    socket.on("message", (data: Buffer) => {
      isAlive = true;
      if (!isAboutImages(data)) return;
      this.#hasChanged = true;
      this.#wake?.();
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      clearInterval(ping);
      this.#failure ??= wrong(place, "the stream of events ended");
      this.#wake?.();
    });
  }

  /** Undefined when the daemon tells this client nothing, which may well be: events are for those who are trusted. */
  static open(daemon: Daemon, signal: AbortSignal): Promise<EventStream | undefined> {
    const { address, credentials, place } = daemon.connection;
    const path = daemon.eventsPath();
    const url =
      address.kind === "socket" ? `ws://localhost${path}` : `${address.url.replace(/^https/, "wss")}${path}`;
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, {
        handshakeTimeout: 10_000,
        perMessageDeflate: false,
        maxPayload: 16 * 1024 * 1024,
        ...(address.kind === "socket"
          ? { createConnection: () => createConnection(address.path) }
          : tlsOptions(credentials)),
      });
      const onAbort = (): void => socket.terminate();
      signal.addEventListener("abort", onAbort, { once: true });
      socket.once("close", () => signal.removeEventListener("abort", onAbort));
      socket.once("open", () => resolve(new EventStream(socket, place)));
      socket.once("unexpected-response", (_request, answer) => {
        if (TELLS_NOTHING.has(answer.statusCode ?? 0)) resolve(undefined);
        else
          reject(wrong(place, `it answers with the status ${answer.statusCode ?? 0} instead of its events`));
        socket.terminate();
      });
      socket.once("error", (error) => {
        if (signal.aborted) resolve(undefined);
        else reject(unreachable(place, error));
      });
    });
  }

  /** Forgets what has been told so far: everything is about to be looked at. */
  reset(): void {
    this.#hasChanged = false;
  }

  /** Resolves a moment after the next change, or after this time. Rejects when the stream ended. */
  async changed(withinMs: number): Promise<void> {
    if (!this.#hasChanged && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#hasChanged) await sleep(SETTLE_MS);
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** `image-created`, `image-alias-updated`, ...: internal/server/lifecycle of Incus, lxd/lifecycle of LXD. */
function isAboutImages(data: Buffer): boolean {
  try {
    const event = JSON.parse(data.toString("utf8")) as { metadata?: { action?: unknown } };
    const action = event.metadata?.action;
    return typeof action === "string" && action.startsWith("image-") && !action.startsWith("image-retrieved");
  } catch {
    // Whatever it was: a look does no harm.
    return true;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
