import prettyBytes from "pretty-bytes";

/** Bytes as a person reads them, in binary units: `1.5 GiB`. */
export function readableSize(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: 1 });
}
