import type { Removed } from "../curate/remove.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { visible } from "./visible.ts";

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
  const verb = generation === undefined ? "Would remove" : "Removed";
  const lines = [
    ...images.map(
      (image) =>
        `${verb} ${image.product} ${image.version} ${image.fingerprint.slice(0, 12)} (${image.type})`,
    ),
    ...aliases.map(({ alias, version }) =>
      version === undefined ? `  ${alias} names nothing any more` : `  ${alias} now means version ${version}`,
    ),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}
