import { VERSION } from "../../src/simplestreams/rules/smallest-tree.ts";
import { type Deviation, root, set, version, withKeys } from "./deviation.ts";

function delta(base: string, ftype = "squashfs.vcdiff", name = base): ReturnType<typeof set.item> {
  return set.item(`${ftype} ${name}`, { ...root(ftype, "d"), delta_base: base });
}

const LISTED = "The list of images is the same with it and without it.";
const BASE = "20251231_0000";

/** Deltas: none of them shows in a list of images. */
export const deltas: readonly Deviation[] = [
  {
    name: "a delta whose base is there",
    about: LISTED,
    edits: [set.otherVersion(BASE, version("4")), delta(BASE)],
  },
  { name: "a delta whose base is gone", about: LISTED, edits: [delta(BASE)] },
  {
    name: "a delta whose base has only its metadata left",
    about: "Such a version is no image and still the base of a delta.",
    edits: [set.otherVersion(BASE, tombstone()), delta(BASE)],
  },
  { name: "a delta of its own version", about: LISTED, edits: [delta(VERSION)] },
  {
    name: "a delta without a base",
    about: LISTED,
    edits: [set.item("squashfs.vcdiff", root("squashfs.vcdiff", "d"))],
  },
  {
    name: "a delta of a disk",
    about: LISTED,
    edits: [
      set.item("disk-kvm.img", root("disk-kvm.img", "8")),
      ...set.metadata("combined_disk-kvm-img_sha256", "9".repeat(64)),
      set.otherVersion(BASE, version("4")),
      delta(BASE, "disk-kvm.img.vcdiff"),
    ],
  },
  {
    name: "two deltas to one version",
    about: LISTED,
    edits: [
      set.otherVersion(BASE, version("4")),
      set.otherVersion("20251230_0000", version("5")),
      delta(BASE),
      delta("20251230_0000"),
    ],
  },
];

function tombstone(): ReturnType<typeof version> {
  const { items } = version("4") as { items: ReturnType<typeof version> };
  const kept = Object.entries(items).filter(([key]) => key !== "squashfs");
  return { items: withKeys(kept) };
}
