import { HeadwaterError } from "../error.ts";
import { chooseImages } from "../intake/daemon/choose-images.ts";
import type { Daemon } from "../intake/daemon/daemon.ts";
import type { DaemonImage } from "../intake/daemon/daemon-image.ts";
import { removeLeftovers, withPublished } from "../intake/daemon/instances.ts";
import { type PullReport, pullImages } from "../intake/daemon/pull-images.ts";
import type { Store } from "../store/store.ts";
import { askForImages, printOffer } from "./ask-for-images.ts";
import type { Context, GlobalOptions } from "./context.ts";
import { notice } from "./context.ts";
import { connectTo, daemonsMeant } from "./daemons.ts";
import { STATUS_OF_CODE } from "./exit-status.ts";
import { followDaemons } from "./follow-daemons.ts";
import { storeToFill, storeToTry } from "./open-store.ts";
import { jsonText } from "./output.ts";
import { pullData, pullLines } from "./print-pulled.ts";
import { progressLine } from "./progress.ts";
import type { PullFlags, PullRequest } from "./pull-request.ts";
import { visible } from "./visible.ts";

type Options = GlobalOptions & PullFlags;

/** Takes images out of one daemon, or out of all of this machine, and says what came of it. */
export async function pullFromDaemons(
  context: Context,
  options: Options,
  request: PullRequest,
): Promise<void> {
  const { io } = context;
  const references = await daemonsMeant(io, request.reference);
  if (request.follow) {
    const store = await storeToFill(io, options);
    await followDaemons(context, options, { ...request, references, store });
    return;
  }
  const opened = request.dryRun ? await storeToTry(io, options) : undefined;
  const store = opened?.store ?? (await storeToFill(io, options));
  const results: unknown[] = [];
  try {
    for (const reference of references) {
      try {
        const daemon = await connectTo(io, reference, { store, flags: options });
        try {
          results.push(...(await pullFromOne(context, options, { ...request, store, daemon })));
        } finally {
          daemon.close();
        }
      } catch (error) {
        // One of several daemons of this machine that is not there does not keep the others from it.
        if (references.length === 1 || !(error instanceof HeadwaterError)) throw error;
        context.exitWith(STATUS_OF_CODE[error.code]);
        results.push({ error: { code: error.code, message: error.message, hint: error.hint } });
        if (options.json !== true)
          io.stderr.write(`${visible(error.message)}\n  ${visible(error.hint ?? "")}\n`);
      }
    }
  } finally {
    await opened?.remove();
  }
  if (options.json === true) io.stdout.write(jsonText(results));
}

interface OnePull extends PullRequest {
  readonly store: Store;
  readonly daemon: Daemon;
}

async function pullFromOne(context: Context, options: Options, pull: OnePull): Promise<unknown[]> {
  const { io } = context;
  const { daemon, dryRun } = pull;
  if (!dryRun) {
    const removed = await removeLeftovers(daemon);
    if (removed > 0)
      notice(
        io,
        options,
        `Removed ${removed} temporary images that an earlier pull had left on ${daemon.place}.`,
      );
  }
  if (pull.instances.length > 0) return pullInstances(context, options, pull);
  if (!pull.asks) return [await take(context, options, pull, await chooseImages(daemon, pull.selection))];
  const offered = (await daemon.images()).filter((image) => image.isPublic || !pull.selection.publicOnly);
  if (io.ask === undefined || options.json === true) return [await printOffer(io, options, daemon, offered)];
  const chosen = await askForImages(io, options, daemon, offered);
  return chosen.length === 0
    ? [{ daemon: daemon.place, taken: [] }]
    : [await take(context, options, pull, chosen)];
}

async function take(
  context: Context,
  options: Options,
  { store, daemon, wishes, dryRun }: OnePull,
  images: readonly DaemonImage[],
): Promise<unknown> {
  const { io } = context;
  if (images.length > 1 && (Object.keys(wishes).length > 1 || (wishes.aliases ?? []).length > 0)) {
    throw new HeadwaterError(
      "USAGE",
      `options that name an image are for one image, and ${images.length} are meant`,
      {
        hint: "Name one of them by its fingerprint.",
      },
    );
  }
  const line = progressLine(io, options);
  let report: PullReport;
  try {
    report = await pullImages(images, {
      store,
      daemon,
      wishes,
      dryRun,
      signal: io.signal,
      onProgress: (image, done, total) =>
        line.update({ label: image.aliases[0] ?? image.fingerprint.slice(0, 12), done, total }),
    });
  } finally {
    line.end();
  }
  if (report.left.length > 0) context.exitWith(STATUS_OF_CODE.DAEMON_WRONG);
  if (options.json !== true) {
    const { out, err } = pullLines(report, { place: daemon.place, dryRun });
    io.stderr.write(err);
    if (options.quiet !== true) io.stdout.write(out);
  }
  return pullData(report, { place: daemon.place, dryRun });
}

async function pullInstances(context: Context, options: Options, pull: OnePull): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const name of pull.instances) {
    if (pull.dryRun) {
      notice(
        context.io,
        options,
        `${name} would be published on ${pull.daemon.place}, taken, and removed there again.`,
      );
      continue;
    }
    notice(context.io, options, `Publishing ${name} on ${pull.daemon.place}, which may take a while.`);
    results.push(
      await withPublished(
        pull.daemon,
        name,
        (image) => take(context, options, pull, [image]),
        context.io.signal,
      ),
    );
  }
  return results;
}
