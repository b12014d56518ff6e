import { type Finding, type Place, placeText } from "../finding.ts";
import { byLevel, type Level } from "../rules/rule.ts";
import { type RuleId, rules } from "../rules/rules.ts";

/** One finding in a tree, for all readers that it is about. */
export interface TreeFinding {
  readonly rule: RuleId;
  readonly level: Level;
  /** Names of client profiles, `sstream`, `lxc`. */
  readonly readers: readonly string[];
  /** Path of the document, relative to the root. */
  readonly document: string;
  /** Where in the document: `products["debian:12"].versions["20260101_0000"].aliases`. Empty: the document as a whole. */
  readonly place: string;
  readonly product?: string;
  readonly version?: string;
  readonly item?: string;
  /** What stands there; left out when nothing does. */
  readonly value?: unknown;
  /** What is wrong, as one sentence without a full stop, safe to print. */
  readonly reason: string;
  /** The change that mends it. */
  readonly mend: string;
  readonly source: string;
}

/** Findings of one rule that are kept; the others are counted. */
const MAX_PER_RULE = 10_000;

/** Gathers findings: what several readers have in common is one. */
export class Findings {
  readonly #known = new Map<string, TreeFinding & { readers: readonly string[] }>();
  readonly #counts = new Map<RuleId, number>();

  add(document: string, found: Finding, readers: readonly string[]): void {
    const place = placeText(found);
    const key = `${found.rule}\n${document}\n${place}\n${found.reason}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.readers = [...new Set([...known.readers, ...readers])];
      return;
    }
    const count = (this.#counts.get(found.rule) ?? 0) + 1;
    this.#counts.set(found.rule, count);
    if (count > MAX_PER_RULE) return;
    this.#known.set(key, treeFinding(document, place, found, readers));
  }

  /** Errors first; within a level in the order in which they were found. */
  list(): TreeFinding[] {
    const above = this.#placesAbove();
    return [...this.#known.values()]
      .filter((found) => found.rule === "field-above" || !above.has(`${found.document}\n${found.place}`))
      .sort(byLevel);
  }

  /** How many more there are than `list` has, by rule. */
  more(): ReadonlyMap<RuleId, number> {
    const more = [...this.#counts].map(([rule, count]) => [rule, count - MAX_PER_RULE] as const);
    return new Map(more.filter(([, count]) => count > 0));
  }

  /** Places of fields that stand further up: whatever else is said of them comes from that. */
  #placesAbove(): ReadonlySet<string> {
    const above = [...this.#known.values()].filter(({ rule }) => rule === "field-above");
    return new Set(above.map(({ document, place }) => `${document}\n${place}`));
  }
}

function treeFinding(
  document: string,
  place: string,
  found: Finding,
  readers: readonly string[],
): TreeFinding {
  const { product, version, item, value } = found as Place;
  return {
    rule: found.rule,
    level: found.level,
    readers,
    document,
    place,
    ...(product === undefined ? {} : { product }),
    ...(version === undefined ? {} : { version }),
    ...(item === undefined ? {} : { item }),
    ...(value === undefined ? {} : { value: short(value) }),
    reason: found.reason,
    mend: rules[found.rule].mend,
    source: found.source,
  };
}

const MAX_VALUE = 200;

/** A value that can be kept by the thousand. */
function short(value: unknown): unknown {
  if (typeof value === "string") return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? `a list of ${value.length}` : `an object of ${Object.keys(value).length}`;
}
