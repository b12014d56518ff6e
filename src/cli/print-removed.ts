import type { Removed } from "../curate/remove.ts";
import type { PurgeReport } from "../store/prune.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { visible } from "./visible.ts";

const CACHED = [
  "Clients may have the old list for an hour; the files stay for the grace period, so they still work until then.",
];

function purgedLines({ deleted, gone, listed }: PurgeReport): string[] {
  return [
    `Off the disk: ${deleted.length} files.`,
    ...(gone.length === 0
      ? []
      : [`No longer complete, so no rollback to them: generations ${gone.join(", ")}.`]),
    ...(listed.length === 0 ? [] : [`Listed again by somebody meanwhile, so kept: ${listed.join(", ")}`]),
    "What breaks: clients with a cached list get 404 for these files for up to an hour.",
    "What this cannot do: machines that downloaded the image have it. Change the secret.",
  ];
}

/** Says what is gone, what the aliases mean now, and for how long clients may still ask. */
export function printRemoved(io: Io, options: GlobalOptions, store: Store, removed: Removed): void {
  const { generation, images, aliases, purged } = removed;
  if (options.json === true) {
    io.stdout.write(
      jsonText({
        store: store.name,
        generation: generation?.number ?? null,
        images,
        aliases,
        purged: purged ?? null,
      }),
    );
    return;
  }
  if (options.quiet === true) return;
  // Removing at once what is on no list publishes nothing itself.
  const wouldBe = generation === undefined && purged === undefined;
  const verb = wouldBe ? "Would remove" : "Removed";
  const lines = [
    ...images.map(
      (image) =>
        `${verb} ${image.product} ${image.version} ${image.fingerprint.slice(0, 12)} (${image.type})`,
    ),
    ...aliases.map(({ alias, version }) =>
      version === undefined
        ? `  ${alias} no longer leads to this product`
        : `  ${alias} now means version ${version}`,
    ),
    ...(purged === undefined ? (wouldBe ? [] : CACHED) : purgedLines(purged)),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}
