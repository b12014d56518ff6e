import type { Level, Rule } from "../simplestreams/rules/rule.ts";
import { type RuleId, rules } from "../simplestreams/rules/rules.ts";
import type { TreeFinding } from "../simplestreams/tree/findings.ts";
import { counted } from "./draw-tree.ts";
import { readerNames } from "./reader-names.ts";
import type { Style } from "./style.ts";
import { visible } from "./visible.ts";
import { wrapped } from "./wrap.ts";

/** Places of one rule that are shown without `--all`. */
const FEW: Readonly<Record<Level, number>> = { error: 3, warning: 3, note: 1 };

/** Everything that is said under one rule. */
export interface RuleFindings {
  readonly id: RuleId;
  readonly level: Level;
  readonly readers: readonly string[];
  readonly places: readonly FoundPlace[];
  /** Places beyond those, which were counted only. */
  readonly more: number;
}

/** One place, or the same place in several items, such as the metadata for Incus and the same for LXD. */
interface FoundPlace {
  readonly first: TreeFinding;
  readonly alsoItems: readonly string[];
}

/** Findings under their rules, in the order in which the first one of each came. */
export function byRule(
  findings: readonly TreeFinding[],
  more: ReadonlyMap<RuleId, number>,
): readonly RuleFindings[] {
  const groups = new Map<RuleId, TreeFinding[]>();
  for (const found of findings) {
    const known = groups.get(found.rule);
    if (known === undefined) groups.set(found.rule, [found]);
    else known.push(found);
  }
  return [...groups].map(([id, found]) => ({
    id,
    level: rules[id].level,
    readers: [...new Set(found.flatMap((one) => one.readers))],
    places: placesOf(found),
    more: more.get(id) ?? 0,
  }));
}

function placesOf(findings: readonly TreeFinding[]): FoundPlace[] {
  const places = new Map<string, { readonly first: TreeFinding; readonly alsoItems: string[] }>();
  for (const found of findings) {
    const { document, product, version, item, place, reason } = found;
    const key =
      item === undefined
        ? JSON.stringify([document, place, reason])
        : JSON.stringify([document, product, version, place.split(".").at(-1), reason]);
    const known = places.get(key);
    if (known === undefined) places.set(key, { first: found, alsoItems: [] });
    else if (item !== undefined) known.alsoItems.push(item);
  }
  return [...places.values()];
}

interface Showing {
  readonly style: Style;
  readonly all: boolean;
  readonly width: number;
}

/** A rule for a person: what must hold, where it does not, who is concerned, and what to do. */
export function ruleLines(found: RuleFindings, { style, all, width }: Showing): string[] {
  const { id, level, readers, places, more } = found;
  const rule: Rule = rules[id];
  const shown = all ? places : places.slice(0, FEW[level]);
  const hidden = places.length - shown.length + more;
  return [
    `${levelWord(level, style)} ${style.bold(id)}: ${rule.text}.`,
    ...shown.flatMap((place) => placeLines(place, width)),
    ...(hidden > 0 ? [`  and ${counted(hidden, "more place")}${all ? "" : " (--all shows them)"}`] : []),
    ...wrapped("  For:    ", readerNames(readers), width),
    ...wrapped("  Shows:  ", `${rule.symptom}.`, width),
    ...wrapped("  Mend:   ", `${rule.mend}.`, width),
    ...wrapped("  Source: ", rule.source, width).map(style.faint),
  ];
}

function levelWord(level: Level, { bold, red, yellow }: Style): string {
  if (level === "error") return bold(red("error"));
  return level === "warning" ? bold(yellow("warning")) : "note";
}

function placeLines({ first, alsoItems }: FoundPlace, width: number): string[] {
  const { document, place, reason } = first;
  const also = alsoItems.length === 0 ? "" : ` (and the same in ${alsoItems.join(", ")})`;
  const where = place === "" ? document : `${document}: ${place}${also}`;
  return [`  ${visible(where)}`, ...wrapped("      ", visible(reason), width)];
}
