import { PRODUCTS_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import { type Deviation, type Edits, productsText, root, set } from "./deviation.ts";

/** The tree with this root instead of its squashfs, and a combined hash under this name. */
function withRoot(ftype: string, combined: string): Edits {
  return [set.item("squashfs"), set.item(ftype, root(ftype, "8")), ...set.metadata(combined, "9".repeat(64))];
}

function unified(ftype: string, more: { [key: string]: string } = {}): Edits {
  return [
    ...["incus.tar.xz", "lxd.tar.xz", "squashfs"].map((item) => set.item(item)),
    set.item(ftype, { ...root(ftype, "6"), ...more }),
  ];
}

const UNKNOWN = "An ftype that no client knows is no root.";

/** Where the items of a version are in their file decides in the prediction what Go maps decide by chance. */
const unifiedBesideSplit = [
  { edits: [set.item("incus_combined.tar.gz", root("incus_combined.tar.gz", "6"))] },
  {
    documents: {
      [PRODUCTS_PATH]: productsText().replace(
        '"items":{',
        `"items":{"incus_combined.tar.gz":${JSON.stringify(root("incus_combined.tar.gz", "6"))},`,
      ),
    },
  },
];

/** What an item is. */
export const ftypes: readonly Deviation[] = [
  {
    name: "a root called root.squashfs",
    about: UNKNOWN,
    edits: withRoot("root.squashfs", "combined_squashfs_sha256"),
  },
  { name: "a root called root.tar.gz", about: UNKNOWN, edits: withRoot("root.tar.gz", "combined_sha256") },
  {
    name: "a disk called disk.qcow2",
    about: UNKNOWN,
    edits: withRoot("disk.qcow2", "combined_disk-kvm-img_sha256"),
  },
  {
    name: "a disk called disk.img",
    about: UNKNOWN,
    edits: withRoot("disk.img", "combined_disk-kvm-img_sha256"),
  },
  { name: "a root.tar.xz", about: "A container.", edits: withRoot("root.tar.xz", "combined_rootxz_sha256") },
  {
    name: "a root.tar.xz by its general hash",
    about: "The one root that has two names for its hash.",
    edits: withRoot("root.tar.xz", "combined_sha256"),
  },
  {
    name: "a disk-kvm.img",
    about: "A virtual machine.",
    edits: withRoot("disk-kvm.img", "combined_disk-kvm-img_sha256"),
  },
  {
    name: "a disk1.img",
    about: "A virtual machine.",
    edits: withRoot("disk1.img", "combined_disk1-img_sha256"),
  },
  {
    name: "a uefi1.img",
    about: "A virtual machine.",
    edits: withRoot("uefi1.img", "combined_uefi1-img_sha256"),
  },
  {
    name: "a disk with the hash of another kind of disk",
    about: "Each kind of root has its own field.",
    edits: withRoot("disk-kvm.img", "combined_disk1-img_sha256"),
  },
  {
    name: "the hash of a uefi disk by a name that old tools use",
    about: "No client reads that name.",
    edits: withRoot("uefi1.img", "combined_uefi1-kvm-img_sha256"),
  },
  {
    name: "a container and a virtual machine in one version",
    about: "Two images; they may share their aliases.",
    edits: [
      set.item("disk-kvm.img", root("disk-kvm.img", "8")),
      ...set.metadata("combined_disk-kvm-img_sha256", "9".repeat(64)),
    ],
  },
  {
    name: "every kind of root in one version",
    about: "Five images; the best of each type has the aliases.",
    edits: [
      ...["root.tar.xz", "disk-kvm.img", "disk1.img", "uefi1.img"].map((ftype) =>
        set.item(ftype, root(ftype, "8")),
      ),
      ...["rootxz", "disk-kvm-img", "disk1-img", "uefi1-img"].flatMap((name, at) =>
        set.metadata(`combined_${name}_sha256`, `${at + 5}`.repeat(64)),
      ),
    ],
  },
  { name: "Incus metadata only", about: "LXD sees an empty server.", edits: [set.item("lxd.tar.xz")] },
  { name: "LXD metadata only", about: "Incus sees an empty server.", edits: [set.item("incus.tar.xz")] },
  {
    name: "metadata called incus.tar.gz",
    about: "Only the one name counts, whatever the compression.",
    edits: set.metadata("ftype", "incus.tar.gz"),
  },
  {
    name: "metadata called meta.tar.xz",
    about: "It belongs to no family.",
    edits: set.metadata("ftype", "meta.tar.xz"),
  },
  {
    name: "a unified image for Incus",
    about: "LXD does not know its ftype.",
    edits: unified("incus_combined.tar.gz"),
  },
  {
    name: "a unified image for LXD",
    about: "Incus does not know its ftype.",
    edits: unified("lxd_combined.tar.gz"),
  },
  { name: "a unified image called tar.gz", about: "No client knows that ftype.", edits: unified("tar.gz") },
  {
    name: "a unified image called incus_combined.tar.xz",
    about: "No client knows that ftype.",
    edits: unified("incus_combined.tar.xz"),
  },
  {
    name: "a unified image without sha256",
    about: "Its sha256 is its fingerprint.",
    edits: unified("incus_combined.tar.gz", { sha256: "" }),
  },
  {
    name: "a unified virtual machine",
    about: "Incus before 7.1 takes it for a container.",
    edits: unified("incus_combined.tar.gz", { combined_type: "virtual-machine" }),
  },
  {
    name: "a unified image beside a split one",
    about: "They sort as equal, so which of the two has the aliases is random.",
    edits: [set.item("incus_combined.tar.gz", root("incus_combined.tar.gz", "6"))],
    orders: unifiedBesideSplit,
  },
  {
    name: "files of other kinds beside an image",
    about: "Nobody lists checksums, manifests and other disks.",
    edits: ["manifest", "SHA256SUMS", "vmdk", "ova", "wsl.rootfs.tar.gz", "uec.tar.gz", "img.xz"].map(
      (ftype) => set.item(ftype, root(ftype, "7")),
    ),
  },
  {
    name: "items without path, as image-ids have",
    about: "They have no ftype and are not looked at.",
    edits: [set.item("euww2he", { id: "ami-1", crsn: "euww2", root_store: "ebs", virt: "hvm" })],
  },
];
