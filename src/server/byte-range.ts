/** What a Range header asks for, of a file of `size` bytes. `end` is exclusive. */
export type ByteRange =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: ByteRange = { kind: "whole" };

/**
 * RFC 9110 section 14: one range is answered in part; anything else that is not understood (several ranges, another
 * unit, nonsense) is ignored and the file is sent whole. `ifRange` is compared with the strong `etag`; dates never match,
 * since image files carry none.
 */
export function byteRange(
  header: string | undefined,
  size: number,
  ifRange: string | undefined,
  etag: string,
): ByteRange {
  if (header === undefined || (ifRange !== undefined && ifRange.trim() !== etag)) return WHOLE;
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header);
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return WHOLE;
  if (first === "") return lastBytes(size, Number(last));
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  // `5-3` is not a range at all, which is another thing than one behind the end.
  if (last !== "" && Number(last) < start) return WHOLE;
  return start >= size ? { kind: "unsatisfiable" } : { kind: "part", start, end };
}

function lastBytes(size: number, count: number): ByteRange {
  if (count === 0 || size === 0) return { kind: "unsatisfiable" };
  return { kind: "part", start: Math.max(0, size - count), end: size };
}
