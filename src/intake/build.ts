import { type InstanceType, instanceTypeOf, type RootFtype } from "../simplestreams/ftypes.ts";
import type { ImageOrigin } from "../simplestreams/image-origin.ts";
import type { Json } from "../simplestreams/products.ts";
import type { Sha256 } from "../store/store.ts";

/** One build as every way in delivers it: verified blobs, staged with a writer, and what the image is called. */
export interface Build {
  readonly names: ProductNames;
  /** What the version is asked to be called, or undefined to name it after `builtAt`. */
  readonly version: string | undefined;
  readonly builtAt: Date;
  readonly label: string | undefined;
  readonly releaseTitle: string | undefined;
  /** Undefined keeps what the product has. */
  readonly requirements: Readonly<Record<string, string>> | undefined;
  /** Beyond the standard ones. */
  readonly aliases: readonly string[];
  /** Whether a new product gets the standard ones; left out: yes. */
  readonly standardAliases?: boolean;
  /** The daemon it was taken from; kept with the version. */
  readonly origin?: ImageOrigin;
  readonly files: BuildFiles;
  /** Further keys that came along and are kept, such as `support_eol`. */
  readonly productFields?: Readonly<Record<string, Json>>;
  readonly versionFields?: Readonly<Record<string, Json>>;
}

/** What makes a product one product. */
export interface ProductNames {
  readonly os: string;
  readonly release: string;
  readonly variant: string;
  /** As simplestreams spells it: `amd64`, `arm64`, ... */
  readonly arch: string;
}

export type BuildFiles =
  | { readonly kind: "split"; readonly metadata: StagedFile; readonly roots: readonly StagedRoot[] }
  | { readonly kind: "unified"; readonly image: StagedFile };

export interface StagedFile {
  readonly sha256: Sha256;
  /** Bytes. */
  readonly size: number;
  /** Without the leading dot: `tar.xz`, `squashfs`, `qcow2`. */
  readonly extension: string;
}

export interface StagedRoot extends StagedFile {
  readonly ftype: RootFtype;
  /** SHA-256 of the metadata bytes followed by these: the image's fingerprint. */
  readonly fingerprint: Sha256;
}

/** What clients know a build by: one per root, or the file's own hash when unified. */
export function fingerprintsOfBuild(build: Pick<Build, "files">): string[] {
  return build.files.kind === "unified"
    ? [build.files.image.sha256]
    : build.files.roots.map((root) => root.fingerprint);
}

/** What its images become. A unified image is a container: unified virtual machines are taken apart. */
export function typesOfBuild({ files }: Pick<Build, "files">): InstanceType[] {
  return files.kind === "unified"
    ? ["container"]
    : [...new Set(files.roots.map((root) => instanceTypeOf(root.ftype)))];
}

/** The blobs that a build was staged as. */
export function blobsOfBuild({ files }: Pick<Build, "files">): Sha256[] {
  const staged = files.kind === "unified" ? [files.image] : [files.metadata, ...files.roots];
  return staged.map((file) => file.sha256);
}
