import type { ImageFile } from "./image-file.ts";

/** How far a long read has come, in bytes of the file as it lies on the disk. */
export interface FileProgress {
  readonly path: string;
  readonly done: number;
  readonly total: number;
}

/** What every long operation of this folder takes. */
export interface ReadOptions {
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const CHUNK = 256 * 1024;

/** The file from start to end in chunks; each chunk is the consumer's to keep. */
export async function* bytesOf(file: ImageFile, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  let position = 0;
  while (position < file.size) {
    options.signal?.throwIfAborted();
    const chunk = await file.readExactly(position, Math.min(CHUNK, file.size - position));
    position += chunk.length;
    yield chunk;
    options.onProgress?.({ path: file.path, done: position, total: file.size });
  }
}
