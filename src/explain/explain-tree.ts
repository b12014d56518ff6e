import { clientProfiles } from "../simplestreams/client-profile.ts";
import type { Level } from "../simplestreams/rules/rule.ts";
import { type RuleId, rules } from "../simplestreams/rules/rules.ts";
import { type Explanation, explainTree } from "../simplestreams/tree/explain.ts";
import { explainName, type NameExplanation } from "../simplestreams/tree/explain-name.ts";
import type { TreeFinding } from "../simplestreams/tree/findings.ts";
import { checkFiles, type FileChecks, type ImageFiles } from "./check-files.ts";
import { type Gathered, gather, type GatheredDocument } from "./gather.ts";
import type { TransportFinding } from "./transport.ts";
import { serverFindings } from "./transport-server.ts";
import type { Exchange, ServerFacts, Tree } from "./tree.ts";

export interface LookOptions {
  /** An alias, the key of a product, or the beginning of a fingerprint: what the answer is about. */
  readonly name?: string | undefined;
  /** On a server. `some`: the files of the name, or of one image when there is none. `all`: every file, as it is with a folder and the store. */
  readonly files: "some" | "all";
  /** Whether files are fetched whole. */
  readonly fetch: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Everything that is to be told about a tree, or about one name in it. */
export interface TreeReport {
  readonly where: string;
  readonly kind: Tree["kind"];
  readonly documents: readonly GatheredDocument[];
  /** Undefined for what is no server. */
  readonly server: ServerFacts | undefined;
  /** Whether there was anything to look at: false when a server did not answer, which says nothing about its tree. */
  readonly answered: boolean;
  readonly explanation: Explanation;
  /** Undefined when the answer is about the whole tree. */
  readonly name: NameExplanation | undefined;
  readonly files: FileChecks["files"];
  /** Of server, documents and files together, in this order; errors first. */
  readonly findings: readonly TreeFinding[];
}

/** Looks at a tree: its documents, its server, and files as far as wanted. */
export async function lookAt(tree: Tree, options: LookOptions): Promise<TreeReport> {
  const gathered = await gather(tree, options.signal);
  const serverUrl = tree.kind === "server" ? tree.name : undefined;
  const read = readWith(gathered, options, serverUrl);
  const images = imagesToCheck(read, tree, options);
  const server = await tree.server({ signal: options.signal, file: smallest(images) });
  const checks = await checkFiles(tree, images, options);
  const answered = gathered.asked.every(({ exchange }) => !isSilence(exchange));
  return {
    where: tree.name,
    kind: tree.kind,
    documents: gathered.asked,
    server,
    answered,
    explanation: read.explanation,
    name: read.name,
    files: checks.files,
    findings: together({
      server: server === undefined ? [] : serverFindings(server),
      ways: gathered.findings,
      documents: (read.name?.findings ?? read.explanation.findings).filter(
        ({ rule }) => answered || !NEEDS_AN_ANSWER.has(rule),
      ),
      files: checks.findings,
    }),
  };
}

interface Read {
  readonly explanation: Explanation;
  readonly name: NameExplanation | undefined;
  /** What all clients list, each image once. */
  readonly images: readonly ImageFiles[];
}

function readWith({ documents }: Gathered, { name }: LookOptions, serverUrl: string | undefined): Read {
  const options = { clients: clientProfiles, ...(serverUrl === undefined ? {} : { serverUrl }) };
  if (name !== undefined) {
    const { tree, ...explained } = explainName(documents, name, options);
    const images = explained.answers.flatMap(({ image }) => image ?? []);
    return { explanation: tree, name: explained, images };
  }
  const { explanation, listings } = explainTree(documents, options);
  return { explanation, name: undefined, images: listings.flatMap(({ listing }) => listing.images) };
}

/** A question for each file is much to ask of a server that was not built for it; a folder and the store are one's own. */
function imagesToCheck({ images, name }: Read, tree: Tree, { files }: LookOptions): readonly ImageFiles[] {
  return files === "all" || name !== undefined || tree.kind !== "server" ? images : images.slice(0, 1);
}

function smallest(
  images: readonly ImageFiles[],
): { readonly path: string; readonly size: number } | undefined {
  let least: ImageFiles["files"][number] | undefined;
  for (const { files } of images) {
    for (const file of files) {
      if (file.path !== "" && (least === undefined || file.size < least.size)) least = file;
    }
  }
  return least;
}

const RANK: Readonly<Record<Level, number>> = { error: 0, warning: 1, note: 2 };

/** What would be said of documents that nobody knows to be missing. */
const NEEDS_AN_ANSWER: ReadonlySet<RuleId> = new Set(["index-missing", "lxc-index"]);

/** Whether nothing at all came back, from the server itself. */
function isSilence(exchange: Exchange | undefined): boolean {
  return exchange?.status === 0 && exchange.hops.length === 0 && exchange.failure !== undefined;
}

interface Parts {
  readonly server: readonly TransportFinding[];
  readonly ways: readonly TransportFinding[];
  readonly documents: readonly TreeFinding[];
  readonly files: readonly TransportFinding[];
}

function together({ server, ways, documents, files }: Parts): readonly TreeFinding[] {
  const isDown = server.some(({ rule }) => rule === "server-unreachable");
  // That a document is not there is said by whoever needs it, and that nobody answers once.
  const others = ways.filter(
    ({ rule }) => rule !== "document-missing" && !(isDown && rule === "server-unreachable"),
  );
  return [...[...server, ...others].map(treeFinding), ...documents, ...files.map(treeFinding)].sort(
    (a, b) => RANK[a.level] - RANK[b.level],
  );
}

function treeFinding({ rule, reason, url, value }: TransportFinding): TreeFinding {
  const { level, readers, mend, source } = rules[rule];
  return {
    rule,
    level,
    readers,
    document: url,
    place: "",
    ...(value === undefined ? {} : { value }),
    reason,
    mend,
    source,
  };
}
