import { HeadwaterError } from "../../error.ts";
import { type Daemon, isNotFound } from "./daemon.ts";
import type { DaemonImage } from "./daemon-image.ts";

/** Which images of a daemon are wanted. */
export interface ImageSelection {
  /** Aliases, beginnings of fingerprints, and `key=value` of properties. */
  readonly words: readonly string[];
  readonly all: boolean;
  readonly publicOnly: boolean;
  /** With `all`: also what the daemon downloaded by itself for an instance. */
  readonly cached: boolean;
}

/**
 * The images that are meant, each once, in the daemon's order. What is named is taken whatever it is; `all` leaves out what the daemon
 * had cached. @throws NOT_FOUND for a word that names nothing, USAGE for one that names several images
 */
export async function chooseImages(daemon: Daemon, selection: ImageSelection): Promise<DaemonImage[]> {
  const { words, all, publicOnly, cached } = selection;
  const listed = await listOrNothing(daemon, all);
  const chosen = new Map<string, DaemonImage>();
  for (const image of listed) {
    if (all && (cached || !image.isCached)) chosen.set(image.fingerprint, image);
  }
  for (const word of words) {
    for (const image of await named(daemon, listed, word)) chosen.set(image.fingerprint, image);
  }
  return [...chosen.values()].filter((image) => image.isPublic || !publicOnly);
}

/** Newer daemons show strangers no list (Incus 7), and yet the images that they can name. */
async function listOrNothing(daemon: Daemon, isNeeded: boolean): Promise<DaemonImage[]> {
  try {
    return await daemon.images();
  } catch (error) {
    const isHidden = error instanceof HeadwaterError && error.details["status"] === 403;
    if (isHidden && !isNeeded && !daemon.facts.isTrusted) return [];
    throw error;
  }
}

async function named(daemon: Daemon, listed: readonly DaemonImage[], word: string): Promise<DaemonImage[]> {
  const byAlias = listed.find(({ aliases }) => aliases.includes(word)) ?? (await daemon.byAlias(word));
  if (byAlias !== undefined) return [byAlias];
  const property = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(word);
  if (property !== null) {
    const [, key = "", value = ""] = property;
    const found = listed.filter((image) => valueOf(image, key)?.toLowerCase() === value.toLowerCase());
    if (found.length > 0) return found;
    throw nothing(daemon, `no image of ${daemon.place} has ${key}=${value}`, word);
  }
  if (!/^[0-9a-f]{1,64}$/.test(word)) {
    throw nothing(daemon, `${daemon.place} has no image with the alias "${word}"`, word);
  }
  const found = listed.filter(({ fingerprint }) => fingerprint.startsWith(word));
  if (found.length > 1) {
    throw new HeadwaterError(
      "USAGE",
      `several images of ${daemon.place} have a fingerprint that begins with ${word}`,
      {
        hint: "Write more of it.",
        details: { image: word },
      },
    );
  }
  return found.length === 1 ? found : [await byFingerprint(daemon, word)];
}

async function byFingerprint(daemon: Daemon, word: string): Promise<DaemonImage> {
  try {
    return await daemon.image(word);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw nothing(daemon, `${daemon.place} has no image with the alias or fingerprint ${word}`, word);
  }
}

/** Like the daemons' own filters: a property, or one of a few fields. */
function valueOf(image: DaemonImage, key: string): string | undefined {
  if (key === "type") return image.type;
  if (key === "architecture" && image.properties[key] === undefined) return image.architecture;
  return image.properties[key];
}

function nothing(daemon: Daemon, message: string, word: string): HeadwaterError {
  const hint = daemon.facts.isTrusted
    ? "headwater pull without a name shows what there is."
    : "This daemon does not trust this client, which sees public images only; --token or --cert and --key change that.";
  return new HeadwaterError("NOT_FOUND", message, { hint, details: { image: word } });
}
