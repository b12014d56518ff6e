import { HeadwaterError } from "../error.ts";
import { publish } from "../publish/publish.ts";
import { readStreams } from "../publish/read-streams.ts";
import type { Generation } from "../store/generation.ts";
import { contains, numbersOf, withNumber } from "../store/keeps.ts";
import { type Pin, pinnedGenerations, readPins } from "../store/pins.ts";
import type { Sha256, Store } from "../store/store.ts";
import { type Damage, quarantineDamaged, type VerifyReport } from "../store/verify.ts";
import { type ImageRow, imageRows } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { withoutLxcBuilds } from "../views/lxc-files.ts";
import { mend, type Mending } from "./mend-upstream.ts";

export interface Repaired {
  /** Undefined when there was nothing to repair. */
  readonly generation: Generation | undefined;
  /** No longer listed; adding their files again brings them back. */
  readonly images: readonly ImageRow[];
  /** The generation whose lists were taken, when the newest one's own document was damaged. */
  readonly listsFrom: number | undefined;
  /** The generation whose pins were taken, when the newest one's own cannot be read; 0: none was left. */
  readonly pinsFrom: number | undefined;
  /** Pinned generations that could not stay complete. */
  readonly pinsLost: readonly number[];
  /** Where the damaged bytes are now. */
  readonly quarantined: readonly string[];
}

const NOTHING = {
  generation: undefined,
  images: [],
  listsFrom: undefined,
  pinsFrom: undefined,
  pinsLost: [],
} as const;

/**
 * Makes what is listed true again after `verify`: publishes first, without the damaged images and without the generations
 * that list them, and only then puts damaged bytes aside. Documents are rendered anew on the way.
 */
export async function repair(store: Store, report: VerifyReport): Promise<Repaired> {
  if (report.damaged.length === 0) return { ...NOTHING, quarantined: [] };
  const damaged = new Damaged(report.damaged);
  const broken = new Set(report.brokenGenerations);
  const writer = await store.writer("repair");
  try {
    let images: readonly ImageRow[] = [];
    let listsFrom: number | undefined;
    let pinsFrom: number | undefined;
    let pinned: ReadonlySet<number> = new Set();
    let kept: Generation["keeps"] = [];
    const read = async (base: Generation | undefined): Promise<readonly ImageStream[]> => {
      const source = base === undefined ? undefined : await newestReadable(store, base, damaged);
      listsFrom = source === base ? undefined : source?.number;
      return readStreams(store, source);
    };
    const generation = await publish(
      store,
      writer,
      async (streams) => {
        images = imageRows(streams).filter((image) => damaged.image(image));
        const hasCache = streams.some(({ origin }) => origin === "cache");
        return {
          reason: { verb: "repair", text: `${images.length} damaged images taken off the lists` },
          streams: await Promise.all(
            streams.map((stream) =>
              mend(withoutLxcBuilds(stream, damaged.found.isDamaged), {
                store,
                writer,
                images,
                ...damaged.found,
              }),
            ),
          ),
          // What was published since then may list the same damage. What older ones name of a cache depends on those after them.
          givesUp: (number) => hasCache || broken.has(number) || number > report.newest,
        };
      },
      {
        read,
        readPins: async (base) => {
          const { pins, from } = await newestPins(store, base);
          pinsFrom = from === base?.number ? undefined : from;
          pinned = pinnedGenerations(pins);
          kept = base === undefined ? [] : withNumber(base.keeps, base.number);
          return pins;
        },
      },
    );
    // A document that was rendered to the very same bytes is whole again, and in use.
    const inUse = new Set(Object.values(generation?.documents ?? {}).map((document) => document.sha256));
    const unused = report.damaged.filter((damage) => !inUse.has(damage.sha256));
    const pinsLost = [...pinned].filter(
      (number) => contains(kept, number) && !contains(generation?.keeps ?? [], number),
    );
    const quarantined = await quarantineDamaged(store, unused);
    return { generation, images, listsFrom, pinsFrom, pinsLost, quarantined };
  } finally {
    await writer.close();
  }
}

/** What the report is about: bytes, or images whose bytes are right and whose fingerprint is not theirs. */
class Damaged {
  readonly #blobs = new Set<Sha256>();
  readonly #fingerprints = new Set<string>();

  constructor(damages: readonly Damage[]) {
    for (const { kind, sha256, expected } of damages) {
      if (kind === "wrong fingerprint") this.#fingerprints.add(expected);
      else this.#blobs.add(sha256);
    }
  }

  get found(): Pick<Mending, "isDamaged" | "wrong"> {
    return { isDamaged: (sha256) => this.#blobs.has(sha256), wrong: this.#fingerprints };
  }

  image(image: ImageRow): boolean {
    return (
      this.#fingerprints.has(image.fingerprint) || image.files.some((file) => this.#blobs.has(file.sha256))
    );
  }

  /** Whether its own lists can be read. What they list may still be damaged. */
  listsOf(generation: Generation): boolean {
    return generation.streams.some(
      ({ products, upstream, origins }) =>
        this.#blobs.has((upstream?.state ?? origins)?.sha256 ?? "") ||
        products.some((path) => this.#blobs.has(generation.documents[path]?.sha256 ?? "")),
    );
  }
}

/** The newest of the base and the generations it keeps whose own lists are whole. */
async function newestReadable(store: Store, base: Generation, damaged: Damaged): Promise<Generation> {
  const older = [...numbersOf(base.keeps)].reverse();
  for (const number of [base.number, ...older]) {
    const generation = number === base.number ? base : await store.generation(number);
    if (generation !== undefined && !damaged.listsOf(generation)) return generation;
  }
  throw new HeadwaterError(
    "STORE_UNUSABLE",
    `the lists of every kept generation in ${store.name} are damaged`,
    {
      hint: "Take the store from a backup, or add the images again to a new one.",
    },
  );
}

/** Of the newest generation, or of the newest that it keeps whose pins can be read: nothing went meanwhile, since prune keeps everything then. */
async function newestPins(
  store: Store,
  base: Generation | undefined,
): Promise<{ readonly pins: readonly Pin[]; readonly from: number }> {
  if (base === undefined) return { pins: [], from: 0 };
  for (const number of [base.number, ...[...numbersOf(base.keeps)].reverse()]) {
    try {
      const generation = number === base.number ? base : await store.generation(number);
      if (generation !== undefined) return { pins: await readPins(store, generation), from: number };
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
    }
  }
  return { pins: [], from: 0 };
}
