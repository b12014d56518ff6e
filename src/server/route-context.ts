import type { Fills } from "../intake/cache/fills.ts";
import type { Store } from "../store/store.ts";
import type { Counters } from "./counters.ts";
import type { CurrentGeneration } from "./current-generation.ts";
import type { ApiTables } from "./image-api/api-table.ts";
import type { Logger } from "./logger.ts";
import type { PlainPolicy } from "./plain-http.ts";
import type { Sender } from "./sender.ts";

/** What answers are made of. */
export interface RouteContext {
  /** Undefined: files at upstreams cannot be had from here. */
  readonly fills: Fills | undefined;
  readonly store: Store;
  readonly current: CurrentGeneration;
  /** What the image API offers. */
  readonly api: ApiTables;
  readonly sender: Sender;
  readonly counters: Counters;
  readonly log: Logger;
  readonly plain: PlainPolicy;
  /** The address clients use, for printing and redirects. */
  readonly url: string | undefined;
  /** The certificate clients see now; undefined when only plain listeners run. */
  readonly certificate: () => ServedCertificate | undefined;
}

export interface ServedCertificate {
  /** PEM, the certificate alone. */
  readonly pem: string;
  /** DNS names and addresses it is for. */
  readonly names: readonly string[];
  /** Clients must be given it before they trust it. */
  readonly isSelfSigned: boolean;
}
