import { quoted } from "./printable.ts";
import type { Level } from "./rules/rule.ts";
import { type RuleId, rules } from "./rules/rules.ts";

/** One thing that a client does not list or cannot use: where, why, and how we know. */
export interface Finding extends Place {
  readonly rule: RuleId;
  readonly level: Level;
  /** One sentence without a full stop, safe to print. */
  readonly reason: string;
  /** Project, file, and what the code there does. */
  readonly source: string;
}

/** Where a finding is. */
export interface Place {
  /** Which of several products files, from 0; left out where there is one. */
  readonly file?: number;
  /** Key of the product; undefined when it is about the whole file. */
  readonly product?: string;
  readonly version?: string;
  /** Key of the item. */
  readonly item?: string;
  /** Name of the field that should be another, in the innermost of these. */
  readonly field?: string;
  /** What stands there; undefined when nothing does. */
  readonly value?: unknown;
}

/** A finding with what its rule says. */
export function finding(rule: RuleId, place: Place, reason: string): Finding {
  const { level, source } = rules[rule];
  return { rule, level, ...place, reason, source };
}

/** A place as one reads it in the document: `products["debian:12"].versions["20260101_0000"].aliases`. */
export function placeText({ product, version, item, field }: Place): string {
  const keys = [
    ...(product === undefined ? [] : [["products", product]]),
    ...(version === undefined ? [] : [["versions", version]]),
    ...(item === undefined ? [] : [["items", item]]),
  ];
  const steps = keys.map(([name, key]) => `${name}[${quoted(key, MAX_KEY)}]`);
  return [...steps, ...(field === undefined ? [] : [fieldText(field)])].join(".");
}

const MAX_KEY = 200;

function fieldText(field: string): string {
  return /^[\w.[\]" :-]{1,300}$/.test(field) ? field : quoted(field, MAX_KEY);
}
