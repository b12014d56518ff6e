/** The part of unbzip2-stream that is used here; the package brings no types. */
declare module "unbzip2-stream" {
  interface Unbzip2 {
    on(event: "data", listener: (chunk: Uint8Array) => void): this;
    on(event: "error", listener: (cause: unknown) => void): this;
    write(chunk: Uint8Array): boolean;
    end(): void;
  }
  export default function unbzip2(): Unbzip2;
}
