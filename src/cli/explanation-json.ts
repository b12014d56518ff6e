import type { TreeReport } from "../explain/explain-tree.ts";
import type { TreeFinding } from "../simplestreams/tree/findings.ts";

/** A report as `--json` prints it; docs/reference/json-output.md describes it. */
export function explanationJson(report: TreeReport): unknown {
  const { where, kind, answered, documents, server, explanation, name, files, findings } = report;
  return {
    where,
    kind,
    answered,
    readers: explanation.readers,
    findings: findings.map(findingJson),
    more: Object.fromEntries(explanation.more),
    ...(name === undefined ? {} : { name: { ...name, findings: undefined } }),
    documents: documents.map(({ path, bytes, why, exchange }) => ({
      path,
      size: bytes ?? null,
      why: why ?? null,
      exchange: exchange ?? null,
    })),
    contents: explanation.contents,
    files: files.map(({ path, size, state, looked, why }) => ({
      path,
      size,
      state,
      looked,
      why: why ?? null,
    })),
    server: server ?? null,
  };
}

function findingJson(found: TreeFinding): unknown {
  const { rule, level, readers, document, place, product, version, item, value, reason, mend, source } =
    found;
  return {
    rule,
    level,
    readers,
    document,
    place,
    product: product ?? null,
    version: version ?? null,
    item: item ?? null,
    value: value ?? null,
    reason,
    mend,
    source,
  };
}
