import { HeadwaterError } from "../../error.ts";

/** One sentence for every format: the bytes stop too early or are not what their own check sums say. */
export function damaged(name: string, format: string, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("FILE_TRUNCATED", `${name} is cut off or damaged: ${what}`, {
    hint: "Copy, download or build the file again.",
    details: { format },
    cause,
  });
}

/** The decoder would need more memory than Headwater gives it. Sizes in bytes. */
export function wantsTooMuchMemory(
  name: string,
  format: string,
  wanted: number,
  limit: number,
): HeadwaterError {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / (1024 * 1024))} MiB`;
  return new HeadwaterError(
    "FILE_UNSUPPORTED",
    `${name} needs ${mebibytes(wanted)} of memory to unpack as ${format}, the limit is ${mebibytes(limit)}`,
    {
      hint: `Every machine that unpacks it would need as much: compress it again with a usual setting, such as ${format} -9.`,
      details: { format, wantedBytes: wanted, limitBytes: limit },
    },
  );
}
