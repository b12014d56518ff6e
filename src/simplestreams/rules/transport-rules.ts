import type { Rule } from "./rule.ts";
import { transportAnswerRules } from "./transport-answer-rules.ts";
import { transportServerRules } from "./transport-server-rules.ts";

/** What a server must get right for the clients to get at a tree, apart from what is in it. */
export const transportRules = {
  ...transportServerRules,
  ...transportAnswerRules,
} as const satisfies Record<string, Rule>;

/** The name of a rule about a server. */
export type TransportRule = keyof typeof transportRules;
