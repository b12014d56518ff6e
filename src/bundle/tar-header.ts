/** Of a tar archive: everything in it is a multiple of this. */
export const BLOCK = 512;
/** Two empty blocks end an archive. */
export const END = new Uint8Array(2 * BLOCK);

/** A member of a bundle: a file, or one more name of a file that came before. */
export interface TarMember {
  readonly path: string;
  /** Bytes of content; 0 for a link. */
  readonly size: number;
  /** When it was last changed, in whole seconds since 1970. */
  readonly seconds: number;
  /** The path of the file that this is one more name of. */
  readonly link?: string | undefined;
}

/** What the twelve octal digits of a header can say. */
const MAX_SIZE = 8 ** 11 - 1;
const NAME_BYTES = 100;

/**
 * What stands before a member's content, in the interchange format of POSIX (IEEE Std 1003.1, pax): owned by nobody in particular, readable
 * by all. Written here, and not by a library, because whoever reads a bundle compares these bytes with what they must be, for all time:
 * a header that differs in one bit is no header of a bundle, whatever a tar program would make of it.
 */
export function tarHeader(member: TarMember): Uint8Array {
  const { path, size, link = "" } = member;
  const extended = [
    ...(fits(path) ? [] : [paxRecord("path", path)]),
    ...(fits(link) ? [] : [paxRecord("linkpath", link)]),
    ...(size <= MAX_SIZE ? [] : [paxRecord("size", String(size))]),
  ];
  const own = header(member, link === "" ? "0" : "1");
  if (extended.length === 0) return own;
  const records = Buffer.concat(extended);
  const before = header({ path: "PaxHeader", size: records.byteLength, seconds: member.seconds }, "x");
  return Buffer.concat([before, records, padding(records.byteLength), own]);
}

/** The empty bytes that fill up the last block of a content. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Bytes of a member with everything that belongs to it. */
export function sizeInTar(member: TarMember): number {
  return tarHeader(member).byteLength + member.size + padding(member.size).byteLength;
}

function header({ path, size, seconds, link = "" }: TarMember, type: string): Uint8Array {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  Buffer.from(path).copy(bytes, 0, 0, NAME_BYTES);
  bytes.write(octal(0o644, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size <= MAX_SIZE ? size : 0, 11), 124);
  bytes.write(octal(seconds, 11), 136);
  bytes.fill(" ", 148, 156);
  bytes.write(type, 156);
  Buffer.from(link).copy(bytes, 157, 0, NAME_BYTES);
  bytes.write("ustar\x0000", 257);
  bytes.write(
    octal(
      bytes.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  bytes[154] = 0;
  return bytes;
}

/** Only what means the same in every character set; the rest is said in UTF-8, where pax says so. */
function fits(text: string): boolean {
  return text.length <= NAME_BYTES && /^[\x20-\x7e]*$/.test(text);
}

/** `<length> <key>=<value>\n`, the length being that of the whole record, itself included. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
