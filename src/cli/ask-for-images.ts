import { HeadwaterError } from "../error.ts";
import type { Daemon } from "../intake/daemon/daemon.ts";
import type { DaemonImage } from "../intake/daemon/daemon-image.ts";
import { type GlobalOptions, notice } from "./context.ts";
import type { Io } from "./io.ts";
import { type Column, printListing } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

interface Offered {
  readonly number: number;
  readonly image: DaemonImage;
}

const COLUMNS: readonly Column<Offered>[] = [
  { title: "no", value: ({ number }) => number, align: "right" },
  { title: "alias", value: ({ image }) => image.aliases },
  {
    title: "fingerprint",
    value: ({ image }) => image.fingerprint,
    shown: ({ image }) => image.fingerprint.slice(0, 12),
  },
  { title: "description", value: ({ image }) => image.properties["description"] ?? "" },
  { title: "arch", value: ({ image }) => image.architecture },
  { title: "type", value: ({ image }) => image.type },
  {
    title: "from",
    value: ({ image }) => image.upstream?.server ?? "",
    shown: ({ image }) => `${image.upstream?.server ?? "made there"}${image.isCached ? " (cached)" : ""}`,
  },
  {
    title: "size",
    value: ({ image }) => image.size,
    shown: ({ image }) => readableSize(image.size),
    align: "right",
  },
];

/** Prints what a daemon has, for somebody who is not at a terminal. Returns the same as data. */
export async function printOffer(
  io: Io,
  options: GlobalOptions,
  daemon: Daemon,
  images: readonly DaemonImage[],
): Promise<unknown> {
  if (options.json === true) {
    return {
      daemon: daemon.place,
      images: images.map(
        ({ fingerprint, aliases, type, architecture, size, isPublic, isCached, upstream }) => ({
          fingerprint,
          aliases,
          type,
          architecture,
          size,
          public: isPublic,
          cached: isCached,
          upstream: upstream ?? null,
        }),
      ),
    };
  }
  await printTable(io, daemon, images);
  notice(io, options, "Name the ones to take: headwater pull DAEMON IMAGE..., or --all.");
  return undefined;
}

/** Shows what a daemon has and asks which of it to take. */
export async function askForImages(
  io: Io,
  options: GlobalOptions,
  daemon: Daemon,
  images: readonly DaemonImage[],
): Promise<DaemonImage[]> {
  if (images.length === 0) {
    notice(io, options, `${daemon.place} has no images.`);
    return [];
  }
  await printTable(io, daemon, images);
  for (;;) {
    const answer =
      (await io.ask?.('Which ones ("1 3-5", "all" without the cached ones, Enter for none)? ')) ?? "";
    try {
      return chosenBy(answer, images);
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      io.stderr.write(`${error.message}\n`);
    }
  }
}

/** `1 3-5`, `all`, or nothing. Throws USAGE. */
export function chosenBy(answer: string, images: readonly DaemonImage[]): DaemonImage[] {
  const words = answer
    .trim()
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== "");
  if (words.length === 1 && words[0] === "all") return images.filter(({ isCached }) => !isCached);
  const chosen = new Set<DaemonImage>();
  for (const word of words) {
    const [, first = "", last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(word) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === "" || from < 1 || to < from || to > images.length) {
      throw new HeadwaterError("USAGE", `"${word}" is no number from 1 to ${images.length}`);
    }
    for (const image of images.slice(from - 1, to)) chosen.add(image);
  }
  return [...chosen];
}

async function printTable(io: Io, daemon: Daemon, images: readonly DaemonImage[]): Promise<void> {
  const { family, server } = daemon.facts;
  io.stdout.write(`${visible(`${family ?? "images"} on ${server} (${daemon.place}):`)}\n`);
  const rows = images.map((image, at) => ({ number: at + 1, image }));
  await printListing(io, "table", { rows, columns: COLUMNS });
}
