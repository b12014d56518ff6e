import { delta, edit, inItem, inMetadata, inProduct, item, vmDelta, vmWithBase } from "./examples.ts";
import { imageClients, incusClients, lxdClients } from "./readers.ts";
import type { Edit, Rule } from "./rule.ts";
import { PRODUCT, smallestTree, VERSION } from "./smallest-tree.ts";

/** What is listed and cannot be used, or is used in a way that nobody means. */
export const useRules = {
  "fingerprint-form": {
    level: "error",
    text: "A combined hash is 64 lower-case hex digits",
    symptom: "An image is listed, and launching it fails because of its fingerprint",
    mend: "Write the hash as sha256sum prints it",
    source:
      "daemon_images.go (Incus) and images.go (LXD): daemons want 64 lower-case hex digits, and compare texts",
    readers: imageClients,
    example: { edits: inMetadata("combined_squashfs_sha256", "3A".repeat(32)) },
  },
  "fingerprint-short": {
    level: "error",
    text: "A fingerprint has at least 12 characters",
    symptom: "`image list` ends with a panic, for the whole remote",
    mend: "Write the hash as sha256sum prints it",
    source:
      "cmd/incus/image.go (Incus) and lxc/image.go (LXD) fingerprintColumnData: the first 12 bytes are taken without a look at the length",
    readers: imageClients,
    example: { edits: inMetadata("combined_squashfs_sha256", "3a") },
  },
  "file-hash": {
    level: "error",
    text: "Every file of an image has its sha256, as 64 lower-case hex digits",
    symptom: "An image is listed, and downloading it fails with `Hash mismatch`",
    mend: "Write the hash as sha256sum prints it",
    source: "client/simplestreams_images.go (Incus, LXD): every file is compared with its sha256",
    readers: imageClients,
    example: { edits: [inItem("squashfs", "sha256")] },
  },
  "file-path": {
    level: "error",
    text: 'The path of a file is relative to the root of the server, without scheme, "..", "%", "?" and "#"',
    symptom: "An image is listed, and downloading it fails with a status such as 404",
    mend: "Use letters, digits, and . _ - + : in the parts of paths, and a redirect where the file is elsewhere",
    source:
      "client/simplestreams_images.go (Incus, LXD): paths are joined to the address of the remote, and each client escapes in its own way",
    readers: imageClients,
    example: { edits: [inItem("squashfs", "path", "https://cdn.example/root.squashfs")] },
  },
  "file-size": {
    level: "warning",
    text: "Every file of an image has its size in bytes",
    symptom: "The list shows a wrong size, and LXD after 6.9 stops the download there",
    mend: "Write the size of the file, as a number",
    source: "shared/util.go (LXD after 6.9): a download ends at the listed size",
    readers: imageClients,
    example: { edits: [inItem("squashfs", "size")] },
  },
  "duplicate-fingerprint": {
    level: "error",
    text: "A fingerprint is listed once",
    symptom: "An image is listed, and using it fails with `More than one match`",
    mend: "Take one of the two out: a rebuild with the same bytes needs no new version",
    source:
      "simplestreams.go GetImage (Incus, LXD): two entries that match are an error, even for the whole fingerprint",
    readers: imageClients,
    example: { edits: [edit(["products", PRODUCT, "versions", "20260102_0000"], version())] },
  },
  "alias-taken": {
    level: "warning",
    text: "An alias belongs to one product for each type and architecture",
    symptom: "An alias leads to another product than the one that one looks at",
    mend: "Take the alias out of the product that should not have it",
    source:
      "simplestreams.go applyAliases (Incus, LXD): the first image to claim an alias has it, for its type and architecture",
    readers: imageClients,
    example: { edits: [edit(["products", "other"], otherProduct({ release: "0", aliases: "demo/1" }))] },
  },
  "alias-form": {
    level: "warning",
    text: "Aliases stand between commas, without blanks, empty ones, and what a shell or URL treats specially",
    symptom: "An alias is not found although it seems to be in the list",
    mend: 'Write "a,b", and in aliases only letters, digits, and . _ - / between other characters',
    source: "products.go addImage (Incus, LXD): aliases are split at commas and not trimmed",
    readers: imageClients,
    example: { edits: inProduct("aliases", "demo/1, demo") },
  },
  "alias-like-fingerprint": {
    level: "note",
    text: "An alias of hex digits alone can be taken for the beginning of a fingerprint",
    symptom: "After an alias has gone, its name launches an unrelated image",
    mend: "Prefer aliases with a slash or another letter than a to f",
    source:
      "daemon_images.go (Incus, LXD): a name that is no alias is tried as the beginning of a fingerprint",
    readers: imageClients,
    example: { edits: inProduct("aliases", "demo/1,12") },
  },
  "no-alias": {
    level: "note",
    text: "A product has aliases",
    symptom: "An image is listed without a name and can be used by its fingerprint only",
    mend: "Write aliases, such as debian/12,debian/12/default; clients add the architecture and nothing else",
    source: "products.go addImage (Incus, LXD): no alias is made from the product's other fields",
    readers: imageClients,
    example: { edits: inProduct("aliases") },
  },
  "undefined-order": {
    level: "warning",
    text: "All products beside each other have os, release and variant, or none has",
    symptom: "An alias leads to an old version now and then",
    mend: "Write os, release and variant into every product; variant is default where there is none",
    source:
      "sort.go Less (Incus, LXD): the test for a missing property looks at one side twice, so such images have no order",
    readers: imageClients,
    example: {
      edits: [edit(["products", "other"], otherProduct({ variant: undefined, aliases: "demo/other" }))],
    },
  },
  "equal-images": {
    level: "warning",
    text: "No two images are equal in os, release, variant, version, architecture and ftype",
    symptom: "An alias leads to one of two images, by chance",
    mend: "Give one of them another variant, or take it out",
    source:
      "sort.go Less (Incus, LXD): images that compare as equal stay in the order of a Go map, which is random",
    readers: imageClients,
    example: { edits: [edit(["products", "other"], otherProduct({ aliases: "demo/1" }))] },
  },
  "version-order": {
    level: "warning",
    text: "The names of a product's versions sort by date when compared as texts",
    symptom: "An alias leads to an older version",
    mend: "Use one form for all versions of a product, with a fixed number of digits: YYYYMMDD_HHMM",
    source: "sort.go Less (Incus, LXD): versions are compared as texts",
    readers: imageClients,
    example: {
      edits: [
        edit(["products", PRODUCT, "versions", "20260201.9"], version("8")),
        edit(["products", PRODUCT, "versions", "20260201.10"], version("9")),
      ],
    },
  },
  "unified-vm": {
    level: "warning",
    text: "A virtual machine is listed as metadata and disk, not as one file",
    symptom: "A virtual machine is listed as a container and fails at launch",
    mend: "Take metadata and disk apart and list both; a unified virtual machine is for Incus since 7.1 and 7.0.1 alone",
    source: "products.go addImage (LXD; Incus before 7.1 and 7.0.1): every unified image is a container",
    readers: ["incus 6.0"],
    example: {
      edits: [
        edit(["products", PRODUCT, "versions", VERSION, "items"], {
          unified: {
            ftype: "incus_combined.tar.gz",
            combined_type: "virtual-machine",
            path: "images/demo/vm.tar.gz",
            size: 3_000_000,
            sha256: "8".repeat(64),
          },
        }),
      ],
    },
  },
  "vm-delta": {
    level: "warning",
    text: "Deltas of virtual machines are not listed for Incus",
    symptom: "On some hosts pulling a virtual machine fails with an error of xdelta3",
    mend: "Take the delta of the disk out",
    source: "products.go addImage (Incus): the base of a VM delta is looked up by the squashfs fingerprint",
    readers: incusClients,
    example: { edits: [...vmWithBase(), item("delta", vmDelta("20251201_0000"))] },
  },
  "several-deltas": {
    level: "warning",
    text: "A version has one delta of a root at most",
    symptom: "On hosts that have several of the bases, pulling fails with `Image fingerprint doesn't match`",
    mend: "Keep the delta from the version before and take the others out",
    source:
      "client/simplestreams_images.go (Incus): every delta whose base is there is applied, one after the other, into one file",
    readers: incusClients,
    example: {
      edits: [
        edit(["products", PRODUCT, "versions", "20251201_0000"], version("8")),
        edit(["products", PRODUCT, "versions", "20251202_0000"], version("9")),
        item("delta-1", delta("20251201_0000")),
        item("delta-2", delta("20251202_0000")),
      ],
    },
  },
  "delta-file": {
    level: "error",
    text: "A delta that a client would use has a path and a sha256",
    symptom: "Hosts with the base cannot pull the image, and all others can",
    mend: "Write path and sha256 into the delta's item, or take it out: nobody falls back to the whole file",
    source:
      "client/simplestreams_images.go (Incus, LXD): once a delta is chosen, its failure is the failure of the pull",
    readers: imageClients,
    example: {
      edits: [
        edit(["products", PRODUCT, "versions", "20251201_0000"], version("8")),
        item("delta", { ...(delta("20251201_0000") as object), sha256: "" }),
      ],
    },
  },
  "requirements-hidden": {
    level: "warning",
    text: "What is in requirements is in lxd_requirements too, where that field is there",
    symptom: "LXD launches an image without what it requires",
    mend: "Write the same into both fields, or take lxd_requirements out",
    source:
      "products.go (LXD since 5.18 and 5.0.3): lxd_requirements is taken instead of requirements when present, even when empty",
    readers: lxdClients,
    example: {
      edits: [...inProduct("requirements", { secureboot: "false" }), ...inProduct("lxd_requirements", {})],
    },
  },
  "requirements-unread": {
    level: "note",
    text: "LXD 5.0 before 5.0.3 reads lxd_requirements only",
    symptom: "LXD 5.0.2 launches an image without what it requires",
    mend: "Write the requirements into lxd_requirements as well",
    source: "products.go (LXD before 5.18 and 5.0.3): the struct has lxd_requirements and no requirements",
    readers: ["lxd 5.0"],
    example: { edits: inProduct("requirements", { secureboot: "false" }) },
  },
  "requirement-name": {
    level: "warning",
    text: "Requirements have the names that clients look for",
    symptom: "An image is launched without what it requires",
    mend: "Use secureboot, cgroup, nesting, privileged, cdrom_agent or cdrom_cloud_init",
    source:
      "internal/server/instance/drivers (Incus), lxd/instance/drivers (LXD): image.requirements.NAME is looked up by these names",
    readers: imageClients,
    example: {
      edits: [
        ...inProduct("requirements", { secure_boot: "false" }),
        ...inProduct("lxd_requirements", { secure_boot: "false" }),
      ],
    },
  },
  "support-eol": {
    level: "warning",
    text: "support_eol is a date, YYYY-MM-DD",
    symptom: "The image is shown as expired in 1970, or as never expiring",
    mend: "Write the date as 2031-04-30; it is information and removes nothing",
    source: "products.go addImage (Incus, LXD): other forms become the epoch",
    readers: imageClients,
    example: { edits: inProduct("support_eol", "April 2031") },
  },
  "description-hole": {
    level: "note",
    text: "A product has os and release_title, which descriptions are made of",
    symptom: "The description of an image has a hole",
    mend: "Write os and release_title into the product",
    source: "products.go addImage (Incus, LXD): the description is put together from the fields as they are",
    readers: imageClients,
    example: { edits: inProduct("release_title") },
  },
} as const satisfies Record<string, Rule>;

/** The version of the smallest tree, with other hashes when a digit is given. */
function version(digit?: string): NonNullable<Edit["value"]> {
  const { products } = smallestTree() as SmallestProducts;
  const text = JSON.stringify(products.products[PRODUCT].versions[VERSION]);
  const other = digit === undefined ? text : text.replace(/[123]{64}/g, (hash) => `${digit}${hash.slice(1)}`);
  return JSON.parse(other) as NonNullable<Edit["value"]>;
}

interface SmallestProducts {
  readonly products: {
    readonly products: { readonly [PRODUCT]: { readonly versions: { readonly [VERSION]: object } } };
  };
}

/** A second product with one version of its own. */
function otherProduct(fields: Readonly<Record<string, string | undefined>>): NonNullable<Edit["value"]> {
  const product = {
    arch: "amd64",
    os: "Demo",
    release: "1",
    release_title: "1",
    variant: "default",
    ...fields,
    versions: { [VERSION]: version("8") },
  };
  return JSON.parse(JSON.stringify(product)) as NonNullable<Edit["value"]>;
}
