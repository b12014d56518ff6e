import type { LinkMode } from "./bring.ts";
import type { Choice } from "./choose-generation.ts";

export interface ExportOptions extends Choice {
  /** How long a file stays that nothing lists any more. */
  readonly graceMs: number;
  readonly link: LinkMode;
  /** Write also where other files are, replacing those in the way, and take over the tree of another store or image stream. */
  readonly force: boolean;
  /** Read every file, not only those whose size or time is another than noted: for a disk that forgets. */
  readonly readsAll?: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly bytes: number; readonly of: number }) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
