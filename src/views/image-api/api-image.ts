import type { InstanceType } from "../../simplestreams/ftypes.ts";

/** One image of the image API, whatever image stream it is of. */
export interface ApiImage {
  readonly fingerprint: string;
  readonly type: InstanceType;
  /** Kernel name: `x86_64`. */
  readonly architecture: string;
  /** As image streams spell it: `amd64`. */
  readonly arch: string;
  readonly properties: Readonly<Record<string, string>>;
  /** RFC 3339; both clients refuse a whole list with a date of another form. */
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Names that lead to this image among those of its type and architecture. */
  readonly claims: readonly string[];
  /** What `export` sends, in this order: metadata and root, or the unified file. */
  readonly files: readonly ApiFile[];
}

export interface ApiFile {
  readonly role: "metadata" | "root" | "unified";
  /** URL path without leading slash. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Without the leading dot: `tar.xz`, `squashfs`. */
  readonly extension: string;
}
