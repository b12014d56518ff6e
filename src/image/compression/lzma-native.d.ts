/** The part of lzma-native that is used here; the package brings no types. */
declare module "lzma-native" {
  import type { Transform } from "node:stream";

  interface DecoderOptions {
    /** Bytes. */
    readonly memlimit: number;
  }
  const lzma: {
    createStream(coder: "streamDecoder" | "aloneDecoder", options: DecoderOptions): Transform;
  };
  export default lzma;
}
