import type { PullReport } from "../intake/daemon/pull-images.ts";
import { visible } from "./visible.ts";

interface Pulled {
  readonly place: string;
  readonly dryRun: boolean;
}

/** What was taken, with the names it has here, and what was left out and why. */
export function pullLines(
  { taken, known, aliases, left, generation }: PullReport,
  { place, dryRun }: Pulled,
): { readonly out: string; readonly err: string } {
  const hidden = generation?.streams.flatMap((stream) => stream.hidden) ?? [];
  const lines = taken.flatMap(({ image, listed }) => {
    const name = image.aliases[0] ?? image.fingerprint.slice(0, 12);
    const notes = hidden
      .filter(({ fingerprint }) => listed.fingerprints.includes(fingerprint))
      .map(({ reason }) => `It is not in the merged root: ${reason}.`);
    return [
      `${dryRun ? "Would take" : "Took"} ${name} as ${listed.product} ${listed.version}`,
      ...listed.fingerprints.map((fingerprint) => `  ${fingerprint}`),
      ...(listed.aliases.length === 0 ? [] : [`  launch it as ${listed.aliases.join(", ")}`]),
      ...[...listed.notes, ...notes].map((note) => `  Note: ${note}`),
    ];
  });
  const moved = aliases.map(
    ({ alias, product, from }) =>
      `The alias ${alias} names ${product} now${from === undefined ? "" : `, and no longer ${from}`}.`,
  );
  const images = taken.length === 1 ? "1 image" : `${taken.length} images`;
  const sum = `${images} ${dryRun ? "would be taken" : "taken"} from ${place}, ${known.length} here already, ${left.length} left out.`;
  return {
    out: textOf([...lines, ...moved, sum]),
    err: textOf(
      left.map(
        ({ image, reason }) => `left out: ${image.aliases[0] ?? image.fingerprint.slice(0, 12)}: ${reason}`,
      ),
    ),
  };
}

/** The same for a program. */
export function pullData(
  { taken, known, aliases, left, generation }: PullReport,
  { place, dryRun }: Pulled,
): object {
  return {
    daemon: place,
    dryRun,
    generation: generation?.number ?? null,
    taken: taken.map(({ image, listed }) => ({
      source: image.fingerprint,
      status: listed.status,
      product: listed.product,
      version: listed.version,
      fingerprints: listed.fingerprints,
      aliases: listed.aliases,
      notes: listed.notes,
    })),
    known: known.map(({ fingerprint }) => fingerprint),
    aliases: aliases.map(({ alias, product, from }) => ({ alias, product, from: from ?? null })),
    left: left.map(({ image, reason }) => ({ source: image.fingerprint, reason })),
  };
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${visible(line)}\n`).join("");
}
