import { kernelArchitecture } from "../architectures.ts";
import { type ClientProfile, clientProfiles } from "../client-profile.ts";
import { mistakesFor } from "../decode-as-client.ts";
import { finding } from "../finding.ts";
import { othersFtypes } from "../ftypes.ts";
import type { ImagesOfOptions } from "../images-of.ts";
import { invisible } from "../invisible.ts";
import type { ProductsFile } from "../products.ts";
import { checkListing } from "../rules/check-listing.ts";
import { imageClients } from "../rules/readers.ts";
import type { RuleId } from "../rules/rules.ts";
import { checkAbove } from "./check-above.ts";
import { contentsOf, type TreeContents } from "./contents.ts";
import { Findings, type TreeFinding } from "./findings.ts";
import { type Listing, listingOf } from "./listing.ts";
import { readLxcIndex } from "./lxc-index.ts";
import { INDEX, type ReadTree, readTree, type TreeFile } from "./read-tree.ts";
import { readAsSstream } from "./sstream.ts";
import type { TreeDocuments } from "./tree-documents.ts";

/** For whom, and where. */
export interface ExplainOptions extends ImagesOfOptions {
  /** Default: all of `clientProfiles`. */
  readonly clients?: readonly ClientProfile[];
}

/** What one reader makes of a tree. */
export interface ReaderView {
  /** `incus 6.0`, ..., `sstream`, `lxc`. */
  readonly reader: string;
  /** Whether it ends with an error instead of listing anything. */
  readonly refuses: boolean;
  /** Images; for sstream items, for lxc builds. */
  readonly lists: number;
  /** Whether chance decides what it lists: `lists` is one possible number then. */
  readonly byChance: boolean;
}

/** All there is to say about a tree. */
export interface Explanation {
  readonly readers: readonly ReaderView[];
  /** Errors first. At most 10,000 of each rule. */
  readonly findings: readonly TreeFinding[];
  /** Findings beyond those, by rule. */
  readonly more: ReadonlyMap<RuleId, number>;
  readonly contents: TreeContents;
}

/**
 * What every reader lists of a tree and, for everything that one does not list or cannot use, where, why, how we know, and what mends it.
 * Reads the documents only: whether files and server are as they should be is another matter. Throws nothing for bad documents.
 *
 * @example
 * const { index, products } = smallestTree();
 * products.products["demo:1:default:amd64"].arch = "AMD64";
 * const { readers, findings } = explain({
 *   index: JSON.stringify(index),
 *   products: new Map([["streams/v1/images.json", JSON.stringify(products)]]),
 * });
 * const [found] = findings;
 * console.log(readers[0]);
 * // {"reader":"incus 6.0","refuses":false,"lists":0,"byChance":false}
 * console.log(found.rule, found.place, found.reason);
 * // unknown-architecture products["demo:1:default:amd64"].arch no client knows the architecture "AMD64"
 * console.log(found.mend);
 * // Write arch as amd64, arm64, armhf, i386, ppc64el, riscv64 or s390x, in lower case
 */
export function explain(documents: TreeDocuments, options: ExplainOptions = {}): Explanation {
  return explainTree(documents, options).explanation;
}

/** An explanation with what it was worked out from. */
export interface ExplainedTree {
  readonly explanation: Explanation;
  readonly tree: ReadTree;
  /** What each client lists; those that list the same are together. */
  readonly listings: readonly ClientListing[];
}

interface ClientListing {
  readonly client: ClientProfile;
  readonly readers: readonly string[];
  readonly listing: Listing;
}

/** The same as `explain`, for who wants to look further. */
export function explainTree(documents: TreeDocuments, options: ExplainOptions = {}): ExplainedTree {
  const findings = new Findings();
  const tree = readTree(documents, findings);
  const clients = options.clients ?? clientProfiles;
  reportFiles(tree, findings, clients);
  const listings = listingsOf(tree, clients, options);
  for (const listing of listings) reportListing(tree, listing, findings);
  const views = clients.flatMap(({ name }) => viewsOf(name, listings));
  if (views.every(({ lists, refuses }) => lists === 0 && !refuses) && isForImageClients(tree)) {
    findings.add(INDEX, finding("nothing-listed", {}, "no client lists any image"), imageClients);
  }
  const sstream = readAsSstream(tree, findings);
  const builds = readLxcIndex(documents.lxc, findings);
  const explanation: Explanation = {
    readers: [
      ...views,
      {
        reader: "sstream",
        refuses: sstream.refused,
        lists: sstream.refused ? 0 : sstream.items,
        byChance: false,
      },
      { reader: "lxc", refuses: false, lists: builds.length, byChance: false },
    ],
    findings: findings.list(),
    more: findings.more(),
    contents: contentsOf(tree),
  };
  return { explanation, tree, listings };
}

/** Whether somebody may have meant this tree for Incus or LXD: not one in which every item is known to be for other programs. */
function isForImageClients({ files }: ReadTree): boolean {
  let items = 0;
  for (const { decoded } of files) {
    for (const { versions } of decoded?.products.products.values() ?? []) {
      for (const version of versions.values()) {
        for (const { ftype = "" } of version.items.values()) {
          if (!othersFtypes.has(ftype)) return true;
          items++;
        }
      }
    }
  }
  return items === 0 && files.length > 0;
}

function viewsOf(reader: string, listings: readonly ClientListing[]): ReaderView[] {
  return listings
    .filter(({ readers }) => readers.includes(reader))
    .map(({ listing: { refused, images, others } }) => ({
      reader,
      refuses: refused,
      lists: refused ? 0 : images.length,
      byChance: others.length > 0,
    }));
}

/** Each file once, however often the index names it: what there is to say about it is the same. */
function differentFiles({ files }: ReadTree): readonly TreeFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

/** What is wrong in a file before anybody lists it. */
function reportFiles(tree: ReadTree, findings: Findings, clients: readonly ClientProfile[]): void {
  for (const file of differentFiles(tree)) {
    for (const client of clients) {
      for (const mistake of mistakesFor(client, file.decoded?.mistakes ?? [])) {
        findings.add(file.path, mistake, [client.name]);
      }
    }
    for (const above of checkAbove(file)) findings.add(file.path, above, imageClients);
  }
}

function listingsOf(
  tree: ReadTree,
  clients: readonly ClientProfile[],
  options: ExplainOptions,
): ClientListing[] {
  return groupsOf(tree, clients).flatMap((group) => {
    const [client] = group;
    if (client === undefined) return [];
    return [{ client, readers: group.map(({ name }) => name), listing: listingOf(tree, client, options) }];
  });
}

function reportListing(
  tree: ReadTree,
  { client, readers, listing }: ClientListing,
  findings: Findings,
): void {
  for (const { path, decoded } of differentFiles(tree)) {
    if (decoded === undefined) continue;
    for (const found of invisible(decoded.products, client)) findings.add(path, found, readers);
  }
  for (const found of checkListing(listing.files, listing.images, client)) {
    findings.add(listing.paths[found.file ?? 0] ?? INDEX, found, readers);
  }
}

/** Clients that list the same of these files, told apart by what they know and the files use. */
function groupsOf(tree: ReadTree, clients: readonly ClientProfile[]): (readonly ClientProfile[])[] {
  const files = differentFiles(tree);
  const uses = usesOf(files.flatMap(({ decoded }) => (decoded === undefined ? [] : [decoded.products])));
  const groups = new Map<string, ClientProfile[]>();
  for (const client of clients) {
    const refuses = files.map(
      ({ decoded }) => decoded !== undefined && mistakesFor(client, decoded.mistakes).length > 0,
    );
    const key = JSON.stringify([
      client.family,
      refuses,
      uses.architectures.map((arch) => kernelArchitecture(arch, client) ?? ""),
      uses.combinedType && client.combinedType,
      uses.vmDeltas && client.deltaRoots,
      uses.requirements && client.requirements,
    ]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [client]);
    else group.push(client);
  }
  return [...groups.values()];
}

interface Uses {
  readonly architectures: readonly string[];
  combinedType: boolean;
  vmDeltas: boolean;
  requirements: boolean;
}

function usesOf(files: readonly ProductsFile[]): Uses {
  const architectures = new Set<string>();
  const uses = { combinedType: false, vmDeltas: false, requirements: false };
  for (const { products } of files) {
    for (const { arch, requirements, lxd_requirements, versions } of products.values()) {
      architectures.add(arch ?? "");
      uses.requirements ||= Object.keys({ ...requirements, ...lxd_requirements }).length > 0;
      for (const { items } of versions.values()) {
        for (const { combined_type, ftype } of items.values()) {
          uses.combinedType ||= combined_type !== undefined;
          uses.vmDeltas ||= ftype === "disk-kvm.img.vcdiff";
        }
      }
    }
  }
  return { architectures: [...architectures], ...uses };
}
