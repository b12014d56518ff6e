import type { ProductPlace } from "../simplestreams/listing.ts";
import { type Selection, selectedProductFields } from "../simplestreams/selection.ts";

/** What versions are kept for. One that no rule keeps goes; without a rule that keeps, all stay. `docs/reference/configuration.md`. */
export interface RetentionRules {
  /** The newest of each product, counting all. */
  readonly versions?: number | undefined;
  /** For so long after a newer version came into the store. */
  readonly supersededForMs?: number | undefined;
  /** While the product is supported: until the end of its `support_eol`; for ever without one. */
  readonly supported?: boolean | undefined;
  /** Bytes at most; what was superseded first goes first. */
  readonly size?: number | undefined;
}

/** The operator's wishes for mirrors and for what is made here. The nearest rules count, alone: a product's, its image stream's, the general ones. */
export interface RetentionPolicy {
  readonly general?: RetentionRules | undefined;
  readonly streams: ReadonlyMap<string, RetentionRules>;
  /** The first that fits counts. */
  readonly products: readonly ProductRules[];
  /** As it was written, to notice that it changed. */
  readonly text: string;
}

export interface ProductRules {
  readonly select: Selection;
  /** The selection as it was written. */
  readonly text: string;
  readonly rules: RetentionRules;
}

/** Nothing goes. */
export const KEEP_ALL: RetentionPolicy = { streams: new Map(), products: [], text: "" };

/** Of an image stream as a whole. */
export function streamRules(policy: RetentionPolicy, stream: string): RetentionRules | undefined {
  return policy.streams.get(stream) ?? policy.general;
}

/** Of one product alone, when there are any. A selection may ask for the `stream` as well. */
export function productRules(
  policy: RetentionPolicy,
  stream: string,
  place: ProductPlace,
): RetentionRules | undefined {
  if (policy.products.length === 0) return undefined;
  return policy.products.find(({ select }) => isSelected(select, stream, place))?.rules;
}

/** Whether rules are about this product. */
export function isSelected(select: Selection, stream: string, place: ProductPlace): boolean {
  const fields = selectedProductFields(place);
  return select((name) => (name === "stream" ? stream : fields(name)));
}

/** Whether anything of an image stream may go by a rule. */
export function hasRulesFor(policy: RetentionPolicy, stream: string): boolean {
  return streamRules(policy, stream) !== undefined || policy.products.length > 0;
}

/** Whether any rule says what is kept, and so what of a mirror's goes is decided here and not by its upstream. */
export function keepsSome(rules: RetentionRules | undefined): boolean {
  return (
    rules !== undefined &&
    (rules.versions !== undefined || rules.supersededForMs !== undefined || rules.supported === true)
  );
}
