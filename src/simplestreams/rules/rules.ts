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

type Topics = typeof rulesByTopic;
/** The identifier of a rule: stable, as programs compare it. */
export type RuleId = { [Topic in keyof Topics]: keyof Topics[Topic] }[keyof Topics];

/** All rules by their identifiers. */
export const rules: Readonly<Record<RuleId, Rule>> = {
  ...documentRules,
  ...listingRules,
  ...useRules,
  ...transportRules,
  ...readerRules,
};
