import type { BundleFile, BundleList } from "../../bundle/bundle-list.ts";
import type { BundleReader } from "../../bundle/bundle-reader.ts";
import { HeadwaterError } from "../../error.ts";
import type { Sha256, Store } from "../../store/store.ts";
import { filesOf } from "../sync/plan.ts";
import type { PlannedStream } from "./plan-streams.ts";

/** Paths that a person is shown; the details have all. */
const SHOWN = 10;

/** The files that have to be in a store before what is planned can be listed. */
export class Needed {
  readonly #store: Store;
  readonly #files: ReadonlySet<Sha256>;

  constructor(store: Store, planned: readonly PlannedStream[]) {
    this.#store = store;
    this.#files = new Set(planned.flatMap(({ plan }) => [...filesOf(plan.listing).keys()]));
  }

  /** Whether it is needed and not here. What is live or put aside is not brought again: publishing confirms that it is there. */
  async isMissing({ sha256, size }: BundleFile): Promise<boolean> {
    return this.#files.has(sha256) && (await this.#store.sizeOf(sha256)) !== size;
  }

  /** How much of a bundle would be brought. */
  async inside({ files }: BundleList): Promise<{ readonly files: number; readonly bytes: number }> {
    const found = { files: 0, bytes: 0 };
    for (const file of files) {
      if (file.base !== undefined || file.link !== undefined || !(await this.isMissing(file))) continue;
      found.files += 1;
      found.bytes += file.size;
    }
    return found;
  }

  /** Everything that earlier bundles should have brought, in one list. Throws BUNDLE_INCOMPLETE. */
  async refuseMissing(reader: BundleReader): Promise<void> {
    const { files, bases } = reader.list;
    const missing: BundleFile[] = [];
    for (const file of files) if (file.base !== undefined && (await this.isMissing(file))) missing.push(file);
    if (missing.length === 0) return;
    const ids = new Set(missing.map(({ base }) => base));
    const carried = bases
      .filter(({ id }) => ids.has(id))
      .map(({ id, createdAt }) => `${id.slice(0, 12)} of ${createdAt}`);
    const shown = missing.slice(0, SHOWN).map(({ path }) => path);
    const more = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more` : "";
    throw new HeadwaterError(
      "BUNDLE_INCOMPLETE",
      `${reader.name} is an increment, and ${missing.length} files that it builds on are not in ${this.#store.name}: ${shown.join(", ")}${more}.`,
      {
        hint: `Apply first the bundle ${carried.join(", and the bundle ")}; or carry one that was made without --since. One that is older than what has been applied needs --force.`,
        details: {
          missing: missing.map(({ path }) => path),
          bases: [...ids].filter((id) => id !== undefined),
        },
      },
    );
  }
}
