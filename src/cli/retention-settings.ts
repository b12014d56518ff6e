import type { RetentionSettings } from "../config/retention-schema.ts";
import type { Config } from "../config/schema.ts";
import { HeadwaterError } from "../error.ts";
import type { RetentionPolicy, RetentionRules } from "../retention/policy.ts";
import { parseSelection } from "../simplestreams/selection.ts";

/**
 * What the configuration says about keeping versions. `keep` of an upstream is a short form of `versions` for its image stream. Throws
 * CONFIG_INVALID when both say something, USAGE for a selection that cannot be read.
 */
export function retentionPolicy(config: Pick<Config, "retention" | "upstreams">): RetentionPolicy {
  const { streams = {}, products = [], ...general } = config.retention ?? {};
  const byStream = new Map(Object.entries(streams).map(([name, rules]) => [name, rulesOf(rules)]));
  for (const [name, { keep }] of Object.entries(config.upstreams)) {
    if (keep === undefined) continue;
    if (byStream.has(name)) throw saidTwice(name);
    byStream.set(name, { versions: keep });
  }
  const generalRules = rulesOf(general);
  return {
    ...(Object.values(generalRules).every((rule) => rule === undefined) ? {} : { general: generalRules }),
    streams: byStream,
    products: products.map(({ select, ...rules }) => ({
      select: parseSelection(select),
      text: select,
      rules: rulesOf(rules),
    })),
    text: JSON.stringify([generalRules, [...byStream], products]),
  };
}

function rulesOf({ versions, supersededFor, supported, size }: RetentionSettings): RetentionRules {
  return { versions, supersededForMs: supersededFor, supported, size };
}

function saidTwice(name: string): HeadwaterError {
  return new HeadwaterError(
    "CONFIG_INVALID",
    `retention.streams.${name} and upstreams.${name}.keep both say what is kept of ${name}`,
    { hint: `Write \`versions\` in retention.streams.${name}, and take the other out.`, details: { name } },
  );
}
