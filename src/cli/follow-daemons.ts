import { HeadwaterError } from "../error.ts";
import type { DaemonReference } from "../intake/daemon/address.ts";
import { chooseImages } from "../intake/daemon/choose-images.ts";
import type { Daemon } from "../intake/daemon/daemon.ts";
import { followDaemon } from "../intake/daemon/follow.ts";
import { removeLeftovers } from "../intake/daemon/instances.ts";
import { pullImages } from "../intake/daemon/pull-images.ts";
import type { Logger } from "../server/logger.ts";
import type { Store } from "../store/store.ts";
import type { Context, GlobalOptions } from "./context.ts";
import { connectTo } from "./daemons.ts";
import { createLogger } from "./log.ts";
import type { PullFlags, PullRequest } from "./pull-request.ts";

export interface FollowRequest extends PullRequest {
  readonly references: readonly DaemonReference[];
  readonly store: Store;
}

/** Takes what is new on these daemons until Ctrl-C or SIGTERM, which ends it with status 0. */
export async function followDaemons(
  context: Context,
  options: GlobalOptions & PullFlags,
  request: FollowRequest,
): Promise<void> {
  const { io } = context;
  context.ownSignal();
  const log = await createLogger(io, options);
  const { store, references } = request;
  const follow = async (reference: DaemonReference): Promise<void> => {
    const trouble = new Trouble(log);
    const refusals = new Refusals();
    let flags: PullFlags = options;
    await followDaemon({
      connect: async () => {
        const daemon = await connectTo(io, reference, { store, flags });
        // Said for the first time; whoever answers there later has to show the same certificate.
        const { token: _token, acceptCertificate: _accept, ...rest } = options;
        flags = rest;
        return daemon;
      },
      onChange: (daemon) => takeNew(daemon, request, { log, trouble, refusals, signal: io.signal }),
      onTrouble: (error) => {
        // A daemon that is away comes back; a wrong command line stays wrong, and a bug is nothing to get used to.
        if (!(error instanceof HeadwaterError) || error.code === "USAGE") throw error;
        trouble.say(error);
      },
      onFollowing: (daemon, events) => {
        trouble.over();
        log.info(
          { daemon: daemon.place, events },
          events ? "following" : "asking every 10 seconds: it tells no events",
        );
      },
      signal: io.signal,
    });
  };
  await Promise.all(references.map(follow));
}

interface FollowContext {
  readonly log: Logger;
  readonly trouble: Trouble;
  readonly refusals: Refusals;
  readonly signal: AbortSignal;
}

async function takeNew(
  daemon: Daemon,
  { store, selection, wishes }: FollowRequest,
  { log, trouble, refusals, signal }: FollowContext,
): Promise<void> {
  await removeLeftovers(daemon);
  const images = (await chooseIfThere(daemon, selection, trouble)).filter((image) =>
    refusals.mayTry(image.fingerprint),
  );
  const report = await pullImages(images, { store, daemon, wishes, signal });
  for (const { listed } of report.taken) {
    const { product, version, aliases } = listed;
    log.info({ daemon: daemon.place, product, version, aliases }, "taken");
  }
  for (const { alias, product } of report.aliases)
    log.info({ daemon: daemon.place, alias, product }, "alias moved");
  for (const { image, reason } of report.left) {
    refusals.add(image.fingerprint);
    trouble.say(`${image.fingerprint.slice(0, 12)}: ${reason}`);
  }
}

/** A name that is not there yet may come. */
async function chooseIfThere(
  daemon: Daemon,
  selection: PullRequest["selection"],
  trouble: Trouble,
): ReturnType<typeof chooseImages> {
  if (selection.words.length === 0) return chooseImages(daemon, selection);
  const images = new Map<string, Awaited<ReturnType<typeof chooseImages>>[number]>();
  for (const word of selection.words) {
    try {
      for (const image of await chooseImages(daemon, { ...selection, words: [word] })) {
        images.set(image.fingerprint, image);
      }
    } catch (error) {
      if (!(error instanceof HeadwaterError) || !["NOT_FOUND", "USAGE"].includes(error.code)) throw error;
      // Names nothing yet, or several by now: what the others name is taken all the same.
      if (error.code === "USAGE") trouble.say(error);
    }
  }
  return [...images.values()];
}

const REFUSED_MS = { first: 60_000, most: 60 * 60_000 };

/** Images that could not be taken: fetching them again and again would be no help, and never again would be none either. */
class Refusals {
  readonly #until = new Map<string, { readonly at: number; readonly pauseMs: number }>();

  add(fingerprint: string): void {
    const before = this.#until.get(fingerprint)?.pauseMs;
    const pauseMs = before === undefined ? REFUSED_MS.first : Math.min(before * 2, REFUSED_MS.most);
    this.#until.set(fingerprint, { at: performance.now() + pauseMs, pauseMs });
  }

  mayTry(fingerprint: string): boolean {
    return (this.#until.get(fingerprint)?.at ?? 0) <= performance.now();
  }
}

/** The same trouble is said once, until it is over. */
class Trouble {
  readonly #log: Logger;
  readonly #said = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  say(what: unknown): void {
    const text = what instanceof Error ? what.message : String(what);
    if (this.#said.has(text)) return;
    this.#said.add(text);
    const hint = what instanceof HeadwaterError ? what.hint : undefined;
    this.#log.warn(hint === undefined ? {} : { hint }, text);
  }

  over(): void {
    this.#said.clear();
  }
}
