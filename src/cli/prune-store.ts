import { type BlobCount, prune } from "../store/prune.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { storeToChange } from "./open-store.ts";
import { jsonText } from "./output.ts";
import { readSettings } from "./settings.ts";
import { readableSize } from "./size.ts";

export interface PruneCommandOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly grace?: string;
  readonly freeNow?: boolean;
}

/** Prunes with the configured grace period, or the one asked for, and says what went. */
export async function pruneStore(io: Io, options: PruneCommandOptions): Promise<void> {
  const { dryRun = false, freeNow = false, grace } = options;
  const { config } = await readSettings(io, options, { grace });
  const store = await storeToChange(io, options);
  const report = await prune(store, { now: Date.now(), graceMs: config.grace, dryRun, freeNow });
  const { published, dropped, retired, restored, deleted, abandoned } = report;
  if (options.json === true) {
    const facts = { dryRun, dropped, retired, restored, deleted, abandoned };
    io.stdout.write(jsonText({ store: store.name, generation: published ?? null, ...facts }));
    return;
  }
  if (options.quiet === true) return;
  const would = dryRun ? "Would be: " : "";
  const lines = [
    [dropped.length, `${would}${dropped.length} old generations given up`],
    [deleted.blobs, `${would}${counted(deleted)} deleted`],
    [retired.blobs, `${would}${counted(retired)} put aside; the next prune deletes them`],
    [restored.blobs, `${would}${counted(restored)} taken back into use`],
    [
      abandoned.writers,
      `${readableSize(abandoned.bytes)} removed that ${abandoned.writers} dead writers had left`,
    ],
  ] as const;
  const shown = lines.filter(([count]) => count > 0).map(([, line]) => line);
  io.stdout.write(`${(shown.length === 0 ? ["Nothing to prune."] : shown).join("\n")}\n`);
}

function counted({ blobs, bytes }: BlobCount): string {
  return `${blobs} files (${readableSize(bytes)})`;
}
