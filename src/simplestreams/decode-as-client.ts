import { type ContainerVisitor, indexFromRaw, productsFromRaw } from "./containers.ts";
import { Decoder } from "./decoder.ts";
import type { IndexFile } from "./index-file.ts";
import { finding, type Finding } from "./finding.ts";
import { type ImagesOfOptions, imagesOf } from "./images-of.ts";
import { parseAsClient } from "./client-text.ts";
import type { ListedImage } from "./listed-image.ts";
import { HeadwaterError } from "../error.ts";
import type { ClientProfile } from "./client-profile.ts";
import type { ProductsFile } from "./products.ts";

/** What a client makes of a document. */
export interface ClientDecoding {
  /** What the client has after decoding; undefined when the file is dead for it, and with it the whole remote. */
  readonly products: ProductsFile | undefined;
  /** Why, each wrong place (at most 100 of them). */
  readonly fatal: readonly Finding[];
}

/** A document as any client could have it after decoding, and what is wrong in it for those that read the field. */
export interface Decoded {
  readonly products: ProductsFile;
  readonly mistakes: readonly Finding[];
  /** The document as `JSON.parse` gave it, for who reads more of it than Incus and LXD. */
  readonly raw: unknown;
}

/**
 * Decodes once for all clients: with every field that one of them reads. Throws DOCUMENT_INVALID for what is no JSON object, and
 * DOCUMENT_TOO_LARGE.
 */
export function decodeForAll(input: string | Uint8Array, name = "the products file"): Decoded {
  const raw = parseAsClient(input, name);
  const decoder = new Decoder();
  const products = productsFromRaw(decoder.products(raw), ACCEPTING);
  return { products, mistakes: decoder.mistakes, raw };
}

/** An index as every client has it after decoding, and what makes all of them refuse it. Throws as `decodeForAll`. */
export function decodeIndex(
  input: string | Uint8Array,
  name = "the index",
): { readonly index: IndexFile; readonly mistakes: readonly Finding[]; readonly raw: unknown } {
  const raw = parseAsClient(input, name);
  const decoder = new Decoder();
  const index = indexFromRaw(decoder.index(raw), () => undefined);
  return { index, mistakes: decoder.mistakes, raw };
}

const ACCEPTING: ContainerVisitor = { file() {}, product() {}, version() {}, item() {} };

/** Of what is wrong in a document, what this client minds: a wrong type in a field that it does not read is nothing to it. */
export function mistakesFor(client: ClientProfile, mistakes: readonly Finding[]): Finding[] {
  const unread = unreadFields(client);
  return mistakes.filter(({ field = "" }) => !unread.includes(field.replace(/\[.*$/s, "")));
}

/** Fields that only some clients have in their structs. */
function unreadFields({ requirements, combinedType }: ClientProfile): string[] {
  return [
    ...(requirements === "requirements" ? ["lxd_requirements"] : []),
    ...(requirements === "lxd_requirements" ? ["requirements"] : []),
    ...(combinedType ? [] : ["combined_type"]),
  ];
}

/**
 * Reads a products file as the client's Go decoder does: keys match without regard to case, null means not there, unknown
 * keys are ignored whatever they hold, and one wrong type in a known one fails the file. Throws nothing for bad input but
 * DOCUMENT_TOO_LARGE.
 */
export function decodeAsClient(input: string | Uint8Array, client: ClientProfile): ClientDecoding {
  let decoded: Decoded;
  try {
    decoded = decodeForAll(input);
  } catch (error) {
    if (!(error instanceof HeadwaterError) || error.code !== "DOCUMENT_INVALID") throw error;
    return { products: undefined, fatal: [finding("json-text", {}, error.message)] };
  }
  const fatal = mistakesFor(client, decoded.mistakes);
  return { products: fatal.length > 0 ? undefined : decoded.products, fatal };
}

/** What a client lists for a document, or why it lists nothing. */
export interface ListedText {
  readonly images: readonly ListedImage[];
  readonly fatal: readonly Finding[];
}

/** `imagesOf` for a document as it is served: no images, and the reason, when the client refuses the file. */
export function imagesOfText(
  input: string | Uint8Array,
  client: ClientProfile,
  options: ImagesOfOptions = {},
): ListedText {
  const { products, fatal } = decodeAsClient(input, client);
  return { images: products === undefined ? [] : imagesOf(products, client, options), fatal };
}
