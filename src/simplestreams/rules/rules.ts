import { documentRules } from "./document-rules.ts";
import { listingRules } from "./listing-rules.ts";
import { readerRules } from "./reader-rules.ts";
import type { Rule } from "./rule.ts";
import { transportRules } from "./transport-rules.ts";
import { useRules } from "./use-rules.ts";

/** All rules by topic, in the order in which a client meets them. */
export const rulesByTopic = {
  documents: documentRules,
  listing: listingRules,
  use: useRules,
  server: transportRules,
  readers: readerRules,
} as const;

/** The identifier of a rule: stable, as programs compare it. */
export type RuleId = {
  [Topic in keyof typeof rulesByTopic]: keyof (typeof rulesByTopic)[Topic];
}[keyof typeof rulesByTopic];

/**
 * All rules by their identifiers.
 *
 * @example
 * const { level, text, mend, readers } = rules["sstream-content-id"];
 * console.log(level, text);
 * // warning A products file has a content_id
 * console.log(mend, readers);
 * // Write content_id into the products file, the same as its key in the index ["sstream"]
 */
export const rules: Readonly<Record<RuleId, Rule>> = {
  ...documentRules,
  ...listingRules,
  ...useRules,
  ...transportRules,
  ...readerRules,
};
