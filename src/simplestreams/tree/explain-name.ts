import { personalitiesOf } from "../architectures.ts";
import { parseAliases } from "../aliases.ts";
import { matchFingerprint } from "../fingerprint.ts";
import type { InstanceType } from "../ftypes.ts";
import type { ListedImage } from "../listed-image.ts";
import { quoted } from "../printable.ts";
import { resolveAlias } from "../resolve.ts";
import { explainTree, type Explanation, type ExplainOptions } from "./explain.ts";
import type { TreeFinding } from "./findings.ts";
import type { Listing } from "./listing.ts";
import type { ReadTree } from "./read-tree.ts";
import type { TreeDocuments } from "./tree-documents.ts";

/** What a name in a tree leads to. */
export interface NameExplanation {
  readonly name: string;
  /** What it was taken for; `nothing` when no reader finds an image by it. */
  readonly kind: "alias" | "product" | "fingerprint" | "nothing";
  readonly answers: readonly NameAnswer[];
  /** What there is to say about the products that the name is about, and about whole documents. */
  readonly findings: readonly TreeFinding[];
  /** Other names of the tree that have this one in them, or a part of it; at most five. */
  readonly similar: readonly string[];
}

/** What some readers find on machines of one architecture. */
export interface NameAnswer {
  readonly readers: readonly string[];
  /** Kernel name of the machine that asks. */
  readonly machine: string;
  /** Undefined where nothing, or too much, is found. */
  readonly image: FoundImage | undefined;
  /** Why it is this one, or none; one sentence without a full stop. */
  readonly why: string;
}

/** An image, and the products file that it is in. */
export interface FoundImage extends Omit<ListedImage, "file"> {
  readonly document: string;
}

/**
 * What an alias, the key of a product, or the beginning of a fingerprint leads to: for each client and architecture, and why.
 *
 * @example
 * const { index, products } = smallestTree();
 * const documents = {
 *   index: JSON.stringify(index),
 *   products: new Map([["streams/v1/images.json", JSON.stringify(products)]]),
 * };
 * const { kind, answers } = explainName(documents, "demo/1");
 * console.log(kind, answers[0].machine, answers[0].why);
 * // alias x86_64 its only version of "demo:1:default:amd64", as squashfs
 * console.log(answers[0].image.files.map(({ path }) => path));
 * // ["images/demo/meta.tar.xz","images/demo/root.squashfs"]
 * console.log(explainName(documents, "demo/2").similar);
 * // ["demo/1","demo/1/default","demo:1:default:amd64"]
 */
export function explainName(
  documents: TreeDocuments,
  name: string,
  options: ExplainOptions = {},
): NameExplanation & { readonly tree: Explanation } {
  const { explanation, tree, listings } = explainTree(documents, options);
  const offering = productsOffering(tree, name);
  const kind = kindOf(tree, listings, name);
  const answers = listings.flatMap((one) => answersOf(one, name, kind));
  const about = new Set([...offering, ...answers.flatMap(({ image }) => image?.product ?? [])]);
  if (kind === "product") about.add(name);
  return {
    name,
    kind,
    answers,
    findings: explanation.findings.filter(({ product, level }) =>
      product === undefined ? level !== "note" : about.has(product),
    ),
    similar: kind === "nothing" ? similarNames(tree, name) : [],
    tree: explanation,
  };
}

type Kind = NameExplanation["kind"];
type Answer = Omit<NameAnswer, "readers">;

interface ReadListing {
  readonly readers: readonly string[];
  readonly listing: Listing;
}

/** As clients take it: an alias first. A product's key means nothing to them, and is for people. */
function kindOf(tree: ReadTree, listings: readonly ReadListing[], name: string): Kind {
  const images = listings.flatMap(({ listing }) => listing.images);
  if (images.some(({ claims }) => claims.includes(name)) || productsOffering(tree, name).length > 0)
    return "alias";
  if (tree.files.some(({ decoded }) => decoded?.products.products.has(name) === true)) return "product";
  return /^[0-9a-f]+$/.test(name) && images.some(({ fingerprint }) => fingerprint.startsWith(name))
    ? "fingerprint"
    : "nothing";
}

function answersOf({ readers, listing }: ReadListing, name: string, kind: Kind): NameAnswer[] {
  return answersIn(listing, name, kind).map(({ machine, image, why }) => ({ readers, machine, image, why }));
}

function answersIn(listing: Listing, name: string, kind: Kind): Answer[] {
  if (listing.refused) return [nothing("the client refuses the whole remote")];
  if (kind === "product") return productAnswers(listing, name);
  if (kind === "fingerprint") return [fingerprintAnswer(listing, name)];
  return kind === "alias" ? aliasAnswers(listing, name) : [];
}

function nothing(why: string): Answer {
  return { machine: "any", image: undefined, why };
}

const TYPES: readonly InstanceType[] = ["container", "virtual-machine"];

/** For the machines of each architecture that has an image of that name; for x86_64 in any case. */
function aliasAnswers(listing: Listing, alias: string): Answer[] {
  const offered = listing.images.filter(({ claims }) => claims.includes(alias));
  if (offered.length === 0) return [withoutAlias(listing, alias)];
  const machines = new Set(["x86_64", ...offered.map(({ architecture }) => architecture)]);
  return [...machines].flatMap((machine) =>
    TYPES.flatMap((type) => {
      const image = resolveAlias(listing.images, alias, type, machine);
      if (image === undefined) return [];
      return [{ machine, image: found(listing, image), why: whyAlias(listing, { alias, machine, image }) }];
    }),
  );
}

/** A daemon then takes the name for the beginning of a fingerprint (daemon_images.go of both projects). */
function withoutAlias(listing: Listing, name: string): Answer {
  const why = "no image with this alias is listed";
  const match = name === "" ? undefined : matchFingerprint(listing.images, name);
  if (match === undefined || match.kind === "none") return nothing(why);
  const { machine, image } = fingerprintAnswer(listing, name);
  return { machine, image, why: `${why}, and it is taken for the beginning of a fingerprint` };
}

function whyAlias(
  { images }: Listing,
  {
    alias,
    machine,
    image,
  }: { readonly alias: string; readonly machine: string; readonly image: ListedImage },
): string {
  const twin = images.find((other) => other !== image && other.fingerprint === image.fingerprint);
  if (twin !== undefined) {
    return `its fingerprint is listed twice, also as ${quoted(twin.product)} ${quoted(twin.version)}, so using it fails with "More than one match"`;
  }
  const versions = new Set(
    images
      .filter(({ product, type }) => product === image.product && type === image.type)
      .map(({ version }) => version),
  );
  const newest = versions.size === 1 ? "its only version" : `the newest of ${versions.size} versions`;
  const asked = image.type === "virtual-machine" ? "with --vm, " : "";
  const root = rootText(images, image);
  return `${asked}${newest} of ${quoted(image.product)}, ${root}${otherArchitecture(machine, image, alias)}`;
}

/** Of several roots of one version, clients take the first in an order of their own. */
function rootText(images: readonly ListedImage[], image: ListedImage): string {
  const rootOf = ({ properties }: ListedImage) => properties["type"] ?? "";
  const others = images.filter(
    (other) =>
      other !== image &&
      other.product === image.product &&
      other.version === image.version &&
      other.type === image.type &&
      rootOf(other) !== rootOf(image),
  );
  return others.length === 0
    ? `as ${rootOf(image)}`
    : `as ${rootOf(image)}, which clients prefer to ${others.map(rootOf).join(" and ")}`;
}

function otherArchitecture(machine: string, image: ListedImage, alias: string): string {
  if (image.architecture === machine) return "";
  return personalitiesOf(machine).includes(image.architecture)
    ? `; there is none for ${machine}, which runs ${image.architecture} too`
    : `; there is no ${quoted(alias)} for ${machine}, and which other one is taken is chance`;
}

function productAnswers(listing: Listing, key: string): Answer[] {
  const images = listing.images.filter(({ product }) => product === key);
  if (images.length === 0) return [nothing("no image of this product is listed")];
  return images.map((image) => ({
    machine: image.architecture,
    image: found(listing, image),
    why: image.claims.length === 0 ? "by its fingerprint only" : `as ${image.claims.slice(0, 6).join(", ")}`,
  }));
}

function fingerprintAnswer(listing: Listing, prefix: string): Answer {
  const match = matchFingerprint(listing.images, prefix);
  if (match.kind === "one") {
    return {
      machine: match.image.architecture,
      image: found(listing, match.image),
      why: "its fingerprint begins so",
    };
  }
  return nothing(
    match.kind === "none"
      ? "no image with this fingerprint is listed"
      : `${match.images.length} images match, so using it fails with "More than one match"`,
  );
}

function found({ paths }: Listing, { file, ...image }: ListedImage): FoundImage {
  return { ...image, document: paths[file] ?? "" };
}

/** Products that offer an alias, whether anybody lists them or not. */
function productsOffering(tree: ReadTree, name: string): string[] {
  return tree.files.flatMap(({ decoded }) =>
    [...(decoded?.products.products ?? [])].flatMap(([key, { aliases, arch }]) => {
      const names = parseAliases(aliases);
      return names.some((alias) => alias === name || `${alias}/${arch ?? ""}` === name) ? [key] : [];
    }),
  );
}

const MAX_SIMILAR = 5;

function similarNames(tree: ReadTree, name: string): string[] {
  const wanted = name.toLowerCase();
  const names = new Set<string>();
  for (const { decoded } of tree.files) {
    for (const [key, { aliases }] of decoded?.products.products ?? []) {
      for (const other of [...parseAliases(aliases), key]) names.add(other);
    }
  }
  const [first = ""] = wanted.split(/[/:]/);
  const near = [...names].filter((other) => other.toLowerCase().includes(wanted));
  const far = [...names].filter((other) => first !== "" && other.toLowerCase().startsWith(first));
  return [...new Set([...near, ...far])].slice(0, MAX_SIMILAR);
}
