import { personalitiesOf } from "./architectures.ts";
import { matchFingerprint } from "./fingerprint.ts";
import type { InstanceType } from "./ftypes.ts";
import type { ListedImage } from "./listed-image.ts";

/**
 * The image behind an alias on a machine of this architecture: its own architecture first, then 32-bit ones it can run,
 * then any other, in which case the clients' choice is not defined and this is the first listed one (sort.go, sortedAliases).
 * Without a type: a container if there is one, else a virtual machine (client/simplestreams_images.go GetImageAlias).
 */
export function resolveAlias(
  images: readonly ListedImage[],
  alias: string,
  type: InstanceType | undefined,
  arch: string,
): ListedImage | undefined {
  if (type === undefined) {
    return (
      resolveAlias(images, alias, "container", arch) ?? resolveAlias(images, alias, "virtual-machine", arch)
    );
  }
  const found = images.filter((image) => image.type === type && image.claims.includes(alias));
  const personalities = personalitiesOf(arch);
  return (
    found.find((image) => image.architecture === arch) ??
    found.find((image) => personalities.includes(image.architecture)) ??
    found[0]
  );
}

/** What is asked for, and by which machine. */
export interface ResolveOptions {
  readonly type?: InstanceType;
  /** Default `x86_64`. */
  readonly clientArch?: string;
}

/** What a name leads to. */
export type Resolved =
  | { readonly kind: "image"; readonly by: "alias" | "fingerprint"; readonly image: ListedImage }
  | { readonly kind: "none" }
  /** Also for one fingerprint that is listed twice. */
  | { readonly kind: "several"; readonly images: readonly ListedImage[] };

/**
 * What a daemon takes a name for: an alias, else the beginning of a fingerprint, however short (daemon_images.go of both).
 * A name that vanished and consists of hex digits can so lead to another image.
 *
 * @example
 * const names = { os: "Debian", release: "12", arch: "amd64", variant: "default", aliases: "debian/12" };
 * const items = {
 *   m: { ftype: "incus.tar.xz", path: "m", combined_squashfs_sha256: "ab".repeat(32) },
 *   r: { ftype: "squashfs", path: "r" },
 * };
 * const text = JSON.stringify({ products: { p: { ...names, versions: { "20260101_0000": { items } } } } });
 * const images = imagesOf(parseProducts(text), clientProfile("incus"));
 * console.log(resolveName(images, "debian/12/amd64").by, resolveName(images, "a").by, resolveName(images, "debian/13").kind);
 * // alias fingerprint none
 */
export function resolveName(
  images: readonly ListedImage[],
  name: string,
  options: ResolveOptions = {},
): Resolved {
  const named = resolveAlias(images, name, options.type, options.clientArch ?? "x86_64");
  const match = matchFingerprint(images, named?.fingerprint ?? name);
  if (match.kind !== "one") return match;
  return { kind: "image", by: named === undefined ? "fingerprint" : "alias", image: match.image };
}
