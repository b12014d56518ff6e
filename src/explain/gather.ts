import { LXC_INDEXES } from "../simplestreams/tree/lxc-index.ts";
import { INDEX, productsPaths } from "../simplestreams/tree/read-tree.ts";
import type { TreeDocuments } from "../simplestreams/tree/tree-documents.ts";
import { documentFindings, type TransportFinding } from "./transport.ts";
import type { DocumentAnswer, Exchange, Tree } from "./tree.ts";

/** Products files of one tree that are looked at; a public cloud has some twenty. */
const MAX_FILES = 64;
/** Bytes of all of them together. */
const MAX_BYTES = 256 * 1024 * 1024;

/** One document that was asked for. */
export interface GatheredDocument {
  readonly path: string;
  /** Undefined when it is not there. */
  readonly bytes: number | undefined;
  /** Why it is not there, as a sentence without a full stop. */
  readonly why: string | undefined;
  /** What a server did. */
  readonly exchange: Exchange | undefined;
}

/** All documents of a tree that some reader asks for, and what there is to say about the way they came. */
export interface Gathered {
  readonly documents: TreeDocuments;
  readonly asked: readonly GatheredDocument[];
  readonly findings: readonly TransportFinding[];
}

/** Reads the index, then what it names, as the clients do; and the index of LXC. */
export async function gather(tree: Tree, signal?: AbortSignal): Promise<Gathered> {
  const asked: GatheredDocument[] = [];
  const findings: TransportFinding[] = [];
  const ask = async (path: string, isWanted = true): Promise<Uint8Array | undefined> => {
    const answer = await tree.document(path, { signal });
    if (isWanted) findings.push(...documentFindings(answer));
    if (isWanted || answer.kind === "there") asked.push(gathered(path, answer));
    return answer.kind === "there" ? answer.bytes : undefined;
  };
  const index = await ask(INDEX);
  const products = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const path of index === undefined ? [] : productsPaths(index).slice(0, MAX_FILES)) {
    const file = bytes > MAX_BYTES ? undefined : await ask(path);
    if (file === undefined) continue;
    products.set(path, file);
    bytes += file.byteLength;
  }
  const lxc = new Map<string, Uint8Array>();
  for (const name of LXC_INDEXES) {
    const text = lxc.size > 0 ? undefined : await ask(`meta/1.0/${name}`, false);
    if (text !== undefined) lxc.set(name, text);
  }
  return {
    documents: { index, products, lxc },
    asked,
    findings,
  };
}

function gathered(path: string, answer: DocumentAnswer): GatheredDocument {
  return {
    path,
    bytes: answer.kind === "there" ? answer.bytes.byteLength : undefined,
    why: answer.kind === "there" ? undefined : answer.why,
    exchange: answer.exchange,
  };
}
