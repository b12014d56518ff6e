import type { GlobalOptions } from "./context.ts";

/** The options of `explain`; its help says what each means. */
export interface ExplainOptions extends GlobalOptions {
  readonly files?: boolean;
  readonly fetch?: boolean;
  readonly strict?: boolean;
  readonly all?: boolean;
  readonly ca?: string;
  readonly stream?: string;
}
