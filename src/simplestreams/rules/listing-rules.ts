import { delta, edit, inItem, inMetadata, inProduct, item, vmDelta, vmWithBase } from "./examples.ts";
import { imageClients, lxdClients } from "./readers.ts";
import type { Edit, Rule } from "./rule.ts";
import { PRODUCT } from "./smallest-tree.ts";

const VERSIONS = ["products", PRODUCT, "versions"];

/** What keeps a client from listing an image, always without a word. */
export const listingRules = {
  "unknown-architecture": {
    level: "error",
    text: "The architecture of a product is one that the clients know, in a spelling that they know",
    symptom: "All images of a product are missing, without an error",
    mend: "Write arch as amd64, arm64, armhf, i386, ppc64el, riscv64 or s390x, in lower case",
    source: "products.go ToAPI / ToLXD: a product is skipped when shared/osarch does not know its arch",
    readers: imageClients,
    example: { edits: inProduct("arch", "AMD64") },
  },
  "architecture-of-some": {
    level: "warning",
    text: "The architecture of a product is spelled in a way that all clients know",
    symptom: "Some clients list the images of a product and others do not, without an error",
    mend: "Write the plain name, such as amd64, for images that everybody should see",
    source:
      "shared/osarch/architectures.go: only Incus since 6.18 and 6.0.6 knows x86_64_v3, only LXD since 6.7 and 5.21.5 amd64v3",
    readers: ["incus 6.0", ...lxdClients],
    example: { edits: inProduct("arch", "x86_64_v3") },
  },
  "no-versions": {
    level: "note",
    text: "A product has versions",
    symptom: "A product is there and none of its images is listed",
    mend: "Add a version, or take the product out",
    source: "products.go ToAPI / ToLXD: images come from versions",
    readers: imageClients,
    example: { edits: inProduct("versions", {}) },
  },
  "version-name": {
    level: "error",
    text: "The name of a version begins with a real date, YYYYMMDD",
    symptom: "A version is missing, without an error, and aliases go on leading to an older one",
    mend: "Call the version YYYYMMDD_HHMM, in UTC",
    source: "products.go ToAPI / ToLXD: a version is skipped when its first eight characters are no date",
    readers: imageClients,
    example: { edits: renamed("2026-01-01") },
  },
  "other-dialect": {
    level: "note",
    text: "Metadata is listed for Incus as incus.tar.xz and for LXD as lxd.tar.xz, each of which reads only its own",
    symptom: "One of the two clients lists the images and the other one does not, without an error",
    mend: "List the same metadata item again, with the same path and hashes and the other ftype",
    source:
      "products.go, end of ToAPI / ToLXD: Incus reads incus.tar.xz and incus_combined.tar.gz, LXD lxd.tar.xz and lxd_combined.tar.gz",
    readers: lxdClients,
    example: { edits: [item("lxd.tar.xz")] },
  },
  "no-metadata": {
    level: "error",
    text: "A root is listed together with a metadata item",
    symptom: "A version is missing, without an error",
    mend: "Add an item of ftype incus.tar.xz, and one of ftype lxd.tar.xz, with the combined hash of the root",
    source: "products.go, end of ToAPI / ToLXD: an image is a metadata item with a root",
    readers: imageClients,
    example: { edits: [item("incus.tar.xz"), item("lxd.tar.xz")] },
  },
  "no-root": {
    level: "error",
    text: "A metadata item is listed together with a root of a known ftype",
    symptom: "A version is missing, without an error",
    mend: "Add the root as squashfs, root.tar.xz or disk-kvm.img; ftypes are roles, whatever the file is called",
    source: "products.go, end of ToAPI / ToLXD: an image is a metadata item with a root of a known ftype",
    readers: imageClients,
    example: { edits: [item("squashfs")] },
  },
  "base-only": {
    level: "note",
    text: "A version may stay without its root as the base of a delta",
    symptom: "A version in the products file is not listed",
    mend: "Leave it as long as a delta names it",
    source: "products.go addImage (Incus, LXD): the base of a delta is found by its metadata item alone",
    readers: imageClients,
    example: {
      edits: [
        edit([...VERSIONS, "20251201_0000"], {
          items: Object.fromEntries(
            ["incus.tar.xz", "lxd.tar.xz"].map((ftype) => [
              ftype,
              {
                ftype,
                path: "images/demo/old.tar.xz",
                size: 600,
                sha256: "4".repeat(64),
                combined_squashfs_sha256: "5".repeat(64),
              },
            ]),
          ),
        }),
        item("delta", delta("20251201_0000")),
      ],
    },
  },
  "no-fingerprint": {
    level: "error",
    text: "A metadata item has the combined hash of the root beside it, and a unified item its sha256",
    symptom: "An image is missing, without an error",
    mend: "Write the SHA-256 of metadata and root, one after the other, into the field of that root's ftype",
    source:
      "products.go addImage (Incus, LXD): without its combined hash an image is dropped; only root.tar.xz falls back to combined_sha256",
    readers: imageClients,
    example: { edits: inMetadata("combined_squashfs_sha256") },
  },
  "root-without-fingerprint": {
    level: "warning",
    text: "A metadata item has a combined hash for every root of its version",
    symptom: "The container of a version is listed and its virtual machine is not, or the other way round",
    mend: "Write the SHA-256 of metadata and root, one after the other, into the field of that root's ftype",
    source:
      "products.go addImage (Incus, LXD): each pair of a metadata item and a root is an image of its own",
    readers: imageClients,
    example: {
      edits: [
        item("disk", {
          ftype: "disk-kvm.img",
          path: "images/demo/disk.qcow2",
          size: 2_000_000,
          sha256: "6".repeat(64),
        }),
      ],
    },
  },
  "ftype-misspelt": {
    level: "error",
    text: "The ftype of an item is spelled as the clients spell it",
    symptom: "An image is missing, without an error",
    mend: "Correct the ftype; the key of the item and the name of its file do not matter",
    source: "products.go, end of ToAPI / ToLXD: ftypes are compared as they are, and others are ignored",
    readers: imageClients,
    example: { edits: [inItem("squashfs", "ftype", "root.squashfs")] },
  },
  "ftype-missing": {
    level: "error",
    text: "Every item of an image says itself what it is, in ftype",
    symptom: "An image is missing, without an error",
    mend: "Write ftype into the item; clients read neither its key nor fields of the levels above it",
    source: "products.go, end of ToAPI / ToLXD: only ftype decides, and item keys are ignored",
    readers: imageClients,
    example: { edits: [inItem("squashfs", "ftype")] },
  },
  "field-above": {
    level: "error",
    text: "Fields stand in the object that they are about, not once for all in an object above it",
    symptom: "Other programs read the tree, and Incus and LXD list less of it or nothing, without an error",
    mend: "Write the field into every product, version and item",
    source:
      "simplestreams util.py products_exdata lets fields be inherited; products.go (Incus, LXD) does not",
    readers: imageClients,
    example: { edits: [...inProduct("arch"), edit(["arch"], "amd64")] },
  },
  "metadata-path": {
    level: "error",
    text: "A metadata item, or a unified one, has a path",
    symptom: "An image is missing, without an error",
    mend: "Write the path of the file, relative to the root of the server",
    source: "products.go addImage (Incus, LXD): a metadata item without a path makes no image",
    readers: imageClients,
    example: { edits: inMetadata("path") },
  },
  "not-for-clients": {
    level: "note",
    text: "Versions with nothing for Incus and LXD are for other programs",
    symptom: "A version in the products file is not listed",
    mend: "Leave it, or add metadata and a root",
    source: "products.go, end of ToAPI / ToLXD: items of other ftypes are ignored",
    readers: imageClients,
    example: {
      edits: [
        edit([...VERSIONS, "20251201_0000"], {
          items: {
            manifest: { ftype: "manifest", path: "images/demo/list", size: 10, sha256: "7".repeat(64) },
          },
        }),
      ],
    },
  },
  "nothing-listed": {
    level: "warning",
    text: "A tree of image downloads lists at least one image for Incus or LXD",
    symptom: "The list of images is empty, without an error",
    mend: "See what the other findings say; without any, nothing in the tree is an image for Incus or LXD",
    source: "products.go ToAPI / ToLXD: what is no image is left out",
    readers: imageClients,
    example: { edits: inProduct("versions", {}) },
  },
  "delta-unread": {
    level: "note",
    text: "Deltas of virtual machines are read by newer LXD only",
    symptom: "A virtual machine is downloaded whole although there is a delta",
    mend: "Leave it",
    source: "products.go addImage: LXD before 6.1, 5.21.2 and 5.0.4 reads deltas of squashfs roots only",
    readers: ["lxd 5.0"],
    example: { edits: [...vmWithBase(), item("delta", vmDelta("20251201_0000"))] },
  },
  "delta-base": {
    level: "note",
    text: "The base of a delta is a version of the same product, with metadata and its combined hash",
    symptom: "An image is downloaded whole although there is a delta",
    mend: "Keep the metadata item of the base version in the products file, or take the delta out",
    source: "products.go addImage (Incus, LXD): a delta whose base is not found is left out",
    readers: imageClients,
    example: { edits: [item("delta", delta("20251201_0000"))] },
  },
} as const satisfies Record<string, Rule>;

function renamed(name: string): readonly Edit[] {
  const items = Object.fromEntries(
    ["incus.tar.xz", "lxd.tar.xz"].map((ftype) => [
      ftype,
      {
        ftype,
        path: "images/demo/new.tar.xz",
        size: 600,
        sha256: "8".repeat(64),
        combined_squashfs_sha256: "9".repeat(64),
      },
    ]),
  );
  const root = {
    ftype: "squashfs",
    path: "images/demo/new.squashfs",
    size: 1_000_000,
    sha256: "a".repeat(64),
  };
  return [edit([...VERSIONS, name], { items: { ...items, squashfs: root } })];
}
