import type { ServerResponse } from "node:http";

/** TLS keeps an encrypted copy of what is written and not yet taken: never more than this at once. */
const SLICE_BYTES = 256 * 1024;

/** Sends bytes that are in memory as the body of an answer whose headers are set, slice by slice, then ends it. */
export function sendBytes(
  response: ServerResponse,
  bytes: Uint8Array,
  onProgress: (bytes: number) => void,
): void {
  if (bytes.byteLength <= SLICE_BYTES) {
    response.end(bytes, () => onProgress(bytes.byteLength));
    return;
  }
  const sendFrom = (position: number): void => {
    const slice = bytes.subarray(position, position + SLICE_BYTES);
    const next = position + slice.byteLength;
    if (next >= bytes.byteLength) {
      response.end(slice, () => onProgress(slice.byteLength));
      return;
    }
    response.write(slice, (error) => {
      // The connection is gone; `close` on the answer tells everyone who needs to know.
      if (error) return;
      onProgress(slice.byteLength);
      sendFrom(next);
    });
  };
  sendFrom(0);
}
