import * as z from "zod";
import { HeadwaterError } from "../error.ts";
import { isRelativePath } from "../simplestreams/relative-path.ts";

/** The layout of a bundle. Readers read older ones. */
export const BUNDLE_FORMAT = 1;

/** What is in a bundle, and what it needs: the file that is signed, and that says the size and the hash of everything else. */
export interface BundleList {
  readonly format: number;
  /** Random. */
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Which store it was made from: the random id of its first generation. */
  readonly store: string;
  /** What was newest there. */
  readonly generation: { readonly number: number; readonly createdAt: string };
  /** Bytes of each file that the bundle is cut into, the last one excepted; null: it is one file. */
  readonly partSize: number | null;
  /** Earlier bundles that hold what this one leaves out. */
  readonly bases: readonly BundleBase[];
  /** In order of precedence. */
  readonly streams: readonly BundleStream[];
  /** Text for people, and the documents of a simplestreams tree. All of them are in this bundle. */
  readonly documents: readonly BundleFile[];
  /** The files of the images, metadata before roots; also those that an earlier bundle holds. */
  readonly files: readonly BundleFile[];
}

export interface BundleBase {
  readonly id: string;
  readonly createdAt: string;
}

export interface BundleFile {
  /** In the tree that the bundle is: `<image stream>/<item path>` for a file of an image. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** Its bytes are in the earlier bundle with this id, not in this one. */
  readonly base?: string | undefined;
  /** Its bytes are those of this other path, in this bundle or an earlier one. */
  readonly link?: string | undefined;
}

/** An image stream, with what cannot be told from its documents. */
export interface BundleStream {
  readonly name: string;
  /** Its images were made at that site; else they are an upstream's. */
  readonly isOwn: boolean;
  /** The upstream's base URL, when anybody can read there; else null. */
  readonly url: string | null;
  /** Anybody can get its files where they come from. */
  readonly isPublic: boolean;
  /** Its documents are passed on as they are: they are the upstream's own bytes, or that site signed them. */
  readonly isVerbatim: boolean;
  readonly aliasPrefix: string;
  readonly twins: boolean;
  /** Its products files, as paths in `documents`. Empty: nothing of it is left that an earlier bundle brought. */
  readonly products: readonly string[];
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const id = z.string().regex(/^[0-9a-f]{32}$/);
const time = z.string().refine((text) => /^\d{4}-.*Z$/.test(text) && Date.parse(text) >= 0);
const path = z.string().refine(isRelativePath);
const size = z.int().min(0);
const file = z.strictObject({
  path,
  size,
  sha256,
  base: id.optional(),
  link: path.optional(),
});

const schema = z.object({
  format: z.literal(BUNDLE_FORMAT),
  id,
  createdAt: time,
  store: z.string().min(1).max(128),
  generation: z.object({ number: z.int().min(1), createdAt: time }),
  partSize: z.int().min(1).nullable(),
  bases: z.array(z.object({ id, createdAt: time })),
  streams: z.array(
    z.object({
      name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
      isOwn: z.boolean(),
      url: z.string().max(2048).nullable(),
      isPublic: z.boolean(),
      isVerbatim: z.boolean(),
      aliasPrefix: z.string().regex(/^(?:[A-Za-z0-9][A-Za-z0-9._/-]*)?$/),
      twins: z.boolean(),
      products: z.array(path),
    }),
  ),
  documents: z.array(file),
  files: z.array(file),
});

/** JSON for people to read. */
export function encodeBundleList(list: BundleList): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(list, undefined, 1)}\n`);
}

/** Reads one back. `place` is for messages. Throws BUNDLE_INVALID, also for a list that contradicts itself. */
export function parseBundleList(bytes: Uint8Array, place: string): BundleList {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw unreadable(place, "it is no JSON", cause);
  }
  refuseNewerFormat(value, place);
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unreadable(place, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as expected"}`);
  }
  const problem = contradiction(parsed.data);
  if (problem !== undefined) throw unreadable(place, problem);
  return parsed.data;
}

/** Half a sentence. */
function contradiction({ documents, files, bases, streams }: BundleList): string | undefined {
  const known = new Map<string, BundleFile>();
  for (const one of [...documents, ...files]) {
    if (known.has(one.path)) return `${one.path} is in it twice`;
    known.set(one.path, one);
  }
  const ids = new Set(bases.map((base) => base.id));
  const names = new Set(streams.map(({ name }) => name));
  if (names.size < streams.length) return "an image stream is in it twice";
  const mixed = documents.find(({ base, link }) => base !== undefined || link !== undefined);
  if (mixed !== undefined) return `${mixed.path} is a document, and said to be somewhere else`;
  for (const { path: at, sha256, base, link } of files) {
    if (!names.has(at.split("/")[0] ?? "")) return `${at} belongs to no image stream`;
    if (base !== undefined && !ids.has(base)) return `${at} is in an earlier bundle that is not named`;
    const target = known.get(link ?? "");
    const isWrong = target?.sha256 !== sha256 || target.link !== undefined || link === at;
    if (link !== undefined && base === undefined && isWrong) return `${at} is a link to another file`;
  }
  const listed = new Set(documents.map((document) => document.path));
  const missing = streams.flatMap(({ products }) => products).find((one) => !listed.has(one));
  return missing === undefined ? undefined : `${missing} is named, and is not among its documents`;
}

function refuseNewerFormat(value: unknown, place: string): void {
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (typeof format !== "number" || format <= BUNDLE_FORMAT) return;
  throw new HeadwaterError(
    "BUNDLE_INVALID",
    `${place} was made by a newer Headwater: its format is ${format}, this program reads up to ${BUNDLE_FORMAT}.`,
    { hint: "Upgrade this program.", details: { found: format, supported: BUNDLE_FORMAT } },
  );
}

function unreadable(place: string, why: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BUNDLE_INVALID", `The list of ${place} cannot be used: ${why}.`, {
    hint: "Copy the bundle again from where it was made.",
    details: { path: place },
    ...(cause === undefined ? {} : { cause }),
  });
}
