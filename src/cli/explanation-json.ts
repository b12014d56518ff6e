import type { TreeReport } from "../explain/explain-tree.ts";

/** A report as `--json` prints it; docs/reference/json-output.md describes it. */
export function explanationJson(report: TreeReport): unknown {
  const { where, kind, documents, server, explanation, name, files, findings } = report;
  return {
    where,
    kind,
    readers: explanation.readers,
    findings,
    more: Object.fromEntries(explanation.more),
    ...(name === undefined ? {} : { name }),
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
