import { type Repaired, repair } from "../curate/repair.ts";
import type { Store } from "../store/store.ts";
import { type Damage, type VerifyReport, verify } from "../store/verify.ts";
import type { Context, GlobalOptions } from "./context.ts";
import { DAMAGE } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { storeToChange, storeToRead } from "./open-store.ts";
import { jsonText } from "./output.ts";
import { progressLine } from "./progress.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** Checks the store, repairs it when asked, and says what was found. Damage ends with a status of its own. */
export async function verifyStore(
  context: Context,
  options: GlobalOptions,
  withRepair: boolean,
): Promise<void> {
  const { io } = context;
  const store = await (withRepair ? storeToChange(io, options) : storeToRead(io, options));
  const line = progressLine(io, options);
  const report = await verify(store, {
    onProgress: ({ bytes, of }) => line.update({ label: "reading", done: bytes, total: of }),
  }).finally(() => line.end());
  if (report.damaged.length > 0) context.exitWith(DAMAGE);
  const repaired = withRepair ? await repair(store, report) : undefined;
  print(io, options, { store, report, repaired });
}

interface Outcome {
  readonly store: Store;
  readonly report: VerifyReport;
  /** Undefined when no repair was asked for. */
  readonly repaired: Repaired | undefined;
}

function print(io: Io, options: GlobalOptions, { store, report, repaired }: Outcome): void {
  if (options.json === true) {
    const repairs =
      repaired === undefined ? null : { ...repaired, generation: repaired.generation?.number ?? null };
    io.stdout.write(jsonText({ store: store.name, ...report, repaired: repairs }));
    return;
  }
  const { blobs, bytes, damaged, brokenGenerations, extra } = report;
  const damage = [
    ...damaged.map(damageLine),
    ...(brokenGenerations.length === 0
      ? []
      : [`Generations that name damage: ${brokenGenerations.join(", ")}`]),
    ...(damaged.length > 0 && repaired === undefined
      ? ["headwater verify --repair takes damaged images out of the lists."]
      : []),
  ];
  const news = [
    `${blobs} files, ${readableSize(bytes)}: ${damaged.length === 0 ? "all as promised" : `${damaged.length} damaged`}`,
    ...(extra.length === 0
      ? []
      : [`${extra.length} files that no kept generation names; the next prune puts them aside`]),
    ...(repaired === undefined ? [] : repairLines(repaired)),
  ];
  const lines = options.quiet === true ? damage : [...damage, ...news];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function damageLine({ kind, sha256, expected, found, listed }: Damage): string {
  const places = listed.map((place) =>
    "document" in place ? place.document : `${place.product} ${place.version} ${place.item}`,
  );
  return `${kind}: ${sha256.slice(0, 12)} expected ${expected}, found ${found}; ${[...new Set(places)].join(", ")}`;
}

function repairLines({ generation, images, listsFrom, pinsFrom, pinsLost, quarantined }: Repaired): string[] {
  if (generation === undefined) return ["Nothing to repair."];
  return [
    `Published generation ${generation.number}, which lists only what is whole.`,
    ...images.map(
      ({ product, version, fingerprint }) =>
        `No longer listed: ${product} ${version} ${fingerprint.slice(0, 12)}; add its files again`,
    ),
    ...(listsFrom === undefined
      ? []
      : [`Its own lists were damaged, so they are those of generation ${listsFrom}.`]),
    ...(pinsFrom === undefined
      ? []
      : [
          pinsFrom === 0
            ? "Its pins were damaged, and none are left: set them again before the next prune."
            : `Its pins were damaged, so they are those of generation ${pinsFrom}: headwater pins shows them.`,
        ]),
    ...pinsLost.map((number) => `No longer complete, though pinned: @${number}`),
    ...quarantined.map((place) => `Put aside: ${place}`),
  ];
}
