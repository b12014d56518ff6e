import { roleOf } from "../simplestreams/ftypes.ts";
import { isFileItem } from "../simplestreams/listing.ts";
import { compareVersions } from "../simplestreams/version-name.ts";
import type { Case } from "./judge.ts";

/**
 * Lets go what was superseded first until the rest has room, each file counted once, and what only deltas need counted too. The newest of a
 * product and what is pinned stay, also when there is no room.
 */
export function keepWithinSize(cases: readonly Case[], size: number): void {
  const room = new Room();
  for (const one of cases) if (one.isKept) room.keep(one);
  if (room.bytes <= size) return;
  const candidates = cases
    .filter(({ isKept, supersededMs }) => isKept && supersededMs !== undefined)
    .sort(
      (one, other) =>
        (one.supersededMs ?? 0) - (other.supersededMs ?? 0) ||
        compareVersions(other.place.versionName, one.place.versionName) ||
        (one.place.productName < other.place.productName ? -1 : 1),
    );
  for (const one of candidates) {
    if (room.bytes <= size) return;
    one.against = "size";
    if (one.pin !== undefined) {
      one.rule = "pin";
      continue;
    }
    one.isKept = false;
    room.letGo(one);
  }
}

/** The bytes of what is kept and of what its deltas are made from. */
class Room {
  bytes = 0;
  readonly #uses = new Map<string, number>();
  readonly #dependents = new Map<Case, number>();

  keep(one: Case): void {
    this.#count(one, 1, "all");
    for (const base of one.bases) {
      const dependents = this.#dependents.get(base) ?? 0;
      this.#dependents.set(base, dependents + 1);
      if (dependents === 0) this.#count(base, 1, "without deltas");
    }
  }

  letGo(one: Case): void {
    this.#count(one, -1, "all");
    for (const base of one.bases) {
      const dependents = (this.#dependents.get(base) ?? 0) - 1;
      this.#dependents.set(base, dependents);
      if (dependents === 0) this.#count(base, -1, "without deltas");
    }
  }

  #count({ version, isHere }: Case, by: 1 | -1, what: "all" | "without deltas"): void {
    if (what === "without deltas" && !isHere) return;
    for (const item of version.items.values()) {
      if (!isFileItem(item) || (what !== "all" && roleOf(item.ftype) === "delta")) continue;
      const uses = this.#uses.get(item.sha256) ?? 0;
      this.#uses.set(item.sha256, uses + by);
      if (uses === 0) this.bytes += item.size;
      if (uses + by === 0) this.bytes -= item.size;
    }
  }
}
