import { extract, type Header } from "tar-stream";
import { HeadwaterError } from "../error.ts";
import { quoted } from "../simplestreams/printable.ts";
import { damaged } from "./compression/damage.ts";
import { feed } from "./feed.ts";

export type TarMemberType = "file" | "directory" | "symlink" | "link" | "device" | "other";

/** One member of an archive. Names are data: nothing is ever written where a name says. */
export interface TarMember {
  /** Without leading `./` and trailing `/`; the top folder itself is the empty string. */
  readonly name: string;
  readonly type: TarMemberType;
  /** Bytes of content. */
  readonly size: number;
  /** Read it to its end or not at all before asking for the next member; leaving it half-way ends the whole scan. */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface TarOptions {
  /** For messages: the file. */
  readonly name: string;
  readonly maxMembers?: number;
}

/**
 * The members of a tar archive one after another, from its unpacked bytes. An archive that is cut off, also right between two
 * members, or whose header sums are wrong ends in FILE_TRUNCATED. A name that is absolute or climbs out of its folder is
 * refused with PATH_UNSAFE: the daemons would leave such a member out or fail, so the image could not be what it seems.
 */
export async function* tarMembers(
  source: AsyncIterable<Uint8Array>,
  options: TarOptions,
): AsyncGenerator<TarMember> {
  const { name, maxMembers = Number.POSITIVE_INFINITY } = options;
  const parser = extract({});
  const feeding = feed(source, parser);
  const failure = (cause: unknown): unknown =>
    feeding.failure() ?? (cause instanceof HeadwaterError ? cause : explain(name, feeding.ended(), cause));
  let count = 0;
  let end = 0;
  try {
    for await (const entry of parser) {
      const member = memberOf(entry, name, failure);
      count += 1;
      if (count > maxMembers) throw tooMany(name, maxMembers);
      end = entry.offset + BLOCK + Math.ceil(member.size / BLOCK) * BLOCK;
      yield member;
      entry.resume();
    }
  } catch (cause) {
    throw failure(cause);
  } finally {
    parser.destroy();
    await feeding.settled;
  }
  // Every tar ends in zero blocks; without one, the archive may have been cut between two members.
  if (feeding.bytes() < end + BLOCK) throw explain(name, true, undefined);
}

const BLOCK = 512;
/** The longest path that Linux takes. */
const NAME_LIMIT = 4096;

interface Entry {
  readonly header: Header;
  /** Where its header starts in the archive. */
  readonly offset: number;
}

function memberOf(entry: Entry, archive: string, failure: (cause: unknown) => unknown): TarMember {
  const { header } = entry;
  if (!Number.isSafeInteger(header.size)) throw explain(archive, false, undefined);
  const type = isSparse(header) ? "other" : typeOf(header.type);
  return {
    name: normalised(header.name, archive),
    type,
    size: type === "directory" ? 0 : header.size,
    content: contentOf(entry, failure),
  };
}

async function* contentOf(entry: Entry, failure: (cause: unknown) => unknown): AsyncGenerator<Uint8Array> {
  try {
    yield* entry as unknown as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw failure(cause);
  }
}

/** The content of a sparse member is a map and some pieces, not the file: GNU type `S`, or the same in PAX words. */
function isSparse(header: Header): boolean {
  return Object.keys(header.pax ?? {}).some((key) => key.startsWith("GNU.sparse."));
}

/** tar-stream gives null for types it does not know, such as GNU's sparse `S`. */
function typeOf(type: Header["type"] | null): TarMemberType {
  if (type === "contiguous-file") return "file";
  if (type === "character-device" || type === "block-device") return "device";
  return type === "file" || type === "directory" || type === "symlink" || type === "link" ? type : "other";
}

function normalised(name: string, archive: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || parts.includes("..") || name.length > NAME_LIMIT) {
    const rule = `names must be relative, without "..", and of at most ${NAME_LIMIT} characters`;
    throw new HeadwaterError("PATH_UNSAFE", `${archive} has a member named ${quoted(name)}: ${rule}`, {
      hint: "Make the archive from inside the folder: tar -C FOLDER -cf FILE .",
    });
  }
  return parts.join("/");
}

function tooMany(name: string, limit: number): HeadwaterError {
  return new HeadwaterError("FILE_TOO_LARGE", `${name} has more than ${limit} members`, {
    details: { limit },
  });
}

function explain(name: string, ended: boolean, cause: unknown): HeadwaterError {
  return ended
    ? damaged(name, "tar", "the tar archive stops before its end mark", cause)
    : damaged(name, "tar", "a tar header is not valid or fails its check", cause);
}
