import {
  type ClientProfile,
  clientProfile,
  type Family,
  type ListedImage,
  productsPaths,
  type RuleId,
  type TreeDocuments,
} from "../../src/simplestreams/index.ts";
import { INDEX_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import { explainTree } from "../../src/simplestreams/tree/explain.ts";
import type { Documents } from "./deviation.ts";

/** Why a client refuses a whole server, as far as its message tells. */
export type Refusal = "not there" | "not JSON" | "wrong type" | "crash";

/** What a client makes of a server. */
export type Prediction = { readonly refused: Refusal } | { readonly images: readonly ListedImage[] };

/** The clients that the corpus is held against. */
export const CLIENTS: Readonly<Record<Family, ClientProfile>> = {
  incus: clientProfile("incus 6.0"),
  lxd: clientProfile("lxd 5.0"),
};

/** What clients print for the rules that make them list nothing. */
const REFUSALS: Partial<Record<RuleId, Refusal>> = {
  "index-missing": "not there",
  "products-missing": "not there",
  "entry-path": "not there",
  "json-text": "not JSON",
  "json-type": "wrong type",
  "fingerprint-short": "crash",
};

/** What `image list` of a client may show for these documents, or why it shows an error, as `explain` says it. */
export function predict(documents: Documents, family: Family, clientArch = "x86_64"): Prediction[] {
  const client = CLIENTS[family];
  const { explanation, listings } = explainTree(asFetched(documents, family), {
    clients: [client],
    clientArch,
  });
  const view = explanation.readers.find(({ reader }) => reader === client.name);
  const [listing] = listings.map((one) => one.listing);
  if (view === undefined || listing === undefined) throw new Error(`nothing is said of ${client.name}`);
  if (view.refuses) {
    const reasons = explanation.findings
      .filter(({ level, readers }) => level === "error" && readers.includes(client.name))
      .flatMap(({ rule }) => REFUSALS[rule] ?? []);
    if (reasons.length === 0) throw new Error("it is said that the client refuses this, and not why");
    return [...new Set(reasons)].map((refused) => ({ refused }));
  }
  if (view.lists !== listing.images.length || view.byChance !== listing.others.length > 0) {
    throw new Error("the explanation says another number than there are images");
  }
  return [listing.images, ...listing.others].map((images) => ({ images }));
}

/** The documents under the paths that the index has for them, each as this client gets it. */
export function asFetched(documents: Documents, family: Family): TreeDocuments {
  const index = documents.get(INDEX_PATH);
  const products = new Map<string, Uint8Array>();
  for (const path of index === undefined ? [] : productsPaths(index)) {
    const bytes = documents.get(requested(path, family));
    if (bytes !== undefined) products.set(path, bytes);
  }
  return { index, products };
}

/**
 * As the server gets a path of the index. Incus: url.JoinPath, which unescapes and keeps a slash at the end; LXD: path.Join, and escaping
 * of what comes out (shared/util.go, JoinUrls).
 */
function requested(path: string, family: Family): string {
  const parts = ["base"];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  if (parts[0] !== "base") return "";
  const joined = parts.slice(1).join("/");
  if (family === "lxd") return joined;
  const kept = path.endsWith("/") && joined !== "" ? `${joined}/` : joined;
  return /%(?![0-9a-f]{2})/i.test(kept) ? "" : decodeURIComponent(kept);
}
