import { fileOfReader } from "../../image/file-of-reader.ts";
import type { ImageFile } from "../../image/image-file.ts";
import { wrong } from "./failures.ts";
import type { BlobReader } from "../../store/store.ts";

/** A staged blob as a file that can be looked into; whoever opened it closes it. */
export function stagedFile(name: string, reader: BlobReader): ImageFile {
  return fileOfReader(name, reader, () => wrong(name, "its staged bytes end too early"));
}
