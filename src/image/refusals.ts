import { HeadwaterError } from "../error.ts";
import { quoted } from "../simplestreams/printable.ts";
import type { Magic } from "./magic.ts";

/** What people hand in although no client can use it, and what to do about each. */
const ADVICE = new Map<Magic | "another compressed file", readonly [what: string, hint: string]>([
  ["iso", ["an ISO image", "Incus and LXD launch from qcow2 disks: install it into one, then add that."]],
  ["lz4", ["compressed with lz4, which LXD cannot read", "Compress it again: lz4 -dc OLD | xz > NEW"]],
  ["vmdk", ["a VMware disk", "Convert it first: qemu-img convert -O qcow2 OLD NEW"]],
  ["vdi", ["a VirtualBox disk", "Convert it first: qemu-img convert -O qcow2 OLD NEW"]],
  ["vhd", ["a Hyper-V disk", "Convert it first: qemu-img convert -O qcow2 OLD NEW"]],
  ["vhdx", ["a Hyper-V disk", "Convert it first: qemu-img convert -O qcow2 OLD NEW"]],
  ["disk", ["a raw disk", "Convert it first: qemu-img convert -f raw -O qcow2 OLD NEW"]],
]);

const UNKNOWN = [
  "neither a tar archive nor a squashfs or a qcow2 disk",
  "Name a metadata tarball, a root (squashfs or tar), a disk (qcow2) or a unified image. A raw disk: qemu-img convert -f raw -O qcow2 OLD NEW",
] as const;

/** A file of a kind that no client takes. */
export function unsupported(path: string, magic: Magic): HeadwaterError {
  const [what, hint] = ADVICE.get(magic) ?? UNKNOWN;
  return new HeadwaterError("FILE_UNSUPPORTED", `${path} is ${what}`, {
    hint: hint.replace("OLD", () => path),
    details: { file: path, found: magic },
  });
}

/** What came out of a compressed file, or lies in an archive as its disk, is of the wrong kind. */
export function notTar(path: string, found: Magic | "another compressed file"): HeadwaterError {
  const what =
    found === "qcow2" || found === "squashfs" || found === "another compressed file"
      ? `${found === "qcow2" ? "a qcow2 disk" : found === "squashfs" ? "a squashfs" : found} inside a compressed file`
      : (ADVICE.get(found)?.[0] ?? "of no known kind inside");
  return new HeadwaterError("FILE_UNSUPPORTED", `${path} is ${what}`, {
    hint:
      found === "qcow2" || found === "squashfs"
        ? "Unpack it first: clients take it as it is, and both formats compress by themselves."
        : (ADVICE.get(found)?.[1] ?? "Name a tar archive, a squashfs or a qcow2 disk."),
    details: { file: path, found },
  });
}

/** A tar archive that is no part of an image. `found` are the names at its top. */
export function notAnImage(path: string, found: readonly string[]): HeadwaterError {
  const names = found.length === 0 ? "nothing" : found.map((name) => quoted(name)).join(", ");
  const hint = found.includes("rootfs")
    ? "A unified image needs metadata.yaml beside rootfs; a root archive has the folders themselves at its top: tar -C rootfs -cJf root.tar.xz ."
    : found.includes("rootfs.img")
      ? "A unified virtual machine needs metadata.yaml beside rootfs.img."
      : "Metadata has metadata.yaml at its top, a root has folders such as etc and usr there.";
  return new HeadwaterError(
    "IMAGE_INVALID",
    `${path} is a tar archive, but neither metadata nor a root nor a unified image: found ${names} at its top`,
    { hint, details: { file: path, found } },
  );
}
