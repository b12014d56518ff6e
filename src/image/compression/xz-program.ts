import { HeadwaterError } from "../../error.ts";
import { damaged } from "./damage.ts";
import { startFilter } from "./filter-program.ts";
import type { XzFormat } from "./xz-dictionary.ts";

/** Decodes with the `xz` program, which has to be installed, under a memory limit in bytes. */
export async function* decodeWithXzProgram(
  source: AsyncIterable<Uint8Array>,
  format: XzFormat,
  name: string,
  memoryLimit: number,
): AsyncGenerator<Uint8Array> {
  const xz = await startFilter("xz", ["-dc", `--format=${format}`, `--memlimit-decompress=${memoryLimit}`]);
  if (xz === undefined) {
    throw new HeadwaterError(
      "FILE_UNSUPPORTED",
      `${name} is ${format}, and neither lzma-native nor the xz program works on this machine`,
      { hint: "Install the xz program (Debian: apt install xz-utils).", details: { format } },
    );
  }
  yield* xz(source, (said) => damaged(name, format, `xz says ${JSON.stringify(said)}`));
}
