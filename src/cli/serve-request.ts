import type { Config } from "../config/schema.ts";
import type { Store } from "../store/store.ts";

/** What `serve` and `demo` ask to be served. */
export interface ServeRequest {
  readonly store: Store;
  readonly config: Config;
  /** Names for the certificate before all others, such as `localhost` for a demonstration. */
  readonly firstNames?: readonly string[];
  /** An alias to launch in the printed commands. */
  readonly alias?: string;
  /** One more paragraph under them. */
  readonly afterword?: string;
}
