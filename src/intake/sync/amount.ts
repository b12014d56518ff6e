/** How much of something: bytes are those of the files, each counted once. */
export interface Amount {
  readonly images: number;
  readonly files: number;
  readonly bytes: number;
}
