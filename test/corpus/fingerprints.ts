import { type Deviation, product, set, version, withKeys } from "./deviation.ts";

function shortHash(): ReturnType<typeof version> {
  return JSON.parse(JSON.stringify(version("4")).replaceAll("4".repeat(64), "to be done "));
}

const TWICE = "Listed twice, and no use of it succeeds: more than one match.";

/** The two products in either order: they compare as equal. */
function productsInOrder(...names: readonly ("a" | "b")[]): Pick<Deviation, "edits"> {
  return {
    edits: [
      set.file("products", withKeys(names.map((name) => [name, product({ aliases: `demo/1,${name}` })]))),
    ],
  };
}

/** What makes the fingerprint, and the same one twice. */
export const fingerprints: readonly Deviation[] = [
  {
    name: "one fingerprint in two versions",
    about: TWICE,
    edits: [set.otherVersion("20260102_0000", version())],
  },
  {
    name: "one fingerprint in two products that sort apart",
    about: TWICE,
    edits: [set.otherProduct("other", product({ os: "Other", aliases: "other" }))],
  },
  {
    name: "one fingerprint in two products that sort as equal",
    about: "Which of the two has the alias is random.",
    ...productsInOrder("a", "b"),
    orders: [productsInOrder("a", "b"), productsInOrder("b", "a")],
  },
  {
    name: "one fingerprint for two roots of one version",
    about: TWICE,
    edits: [
      ...set.metadata("combined_rootxz_sha256", "3".repeat(64)),
      set.item("root.tar.xz", {
        ftype: "root.tar.xz",
        path: "images/demo/root.tar.xz",
        size: 5,
        sha256: "5".repeat(64),
      }),
    ],
  },
  {
    name: "two metadata items of one dialect",
    about: "Each pair of metadata and root is an image.",
    edits: [
      set.item("again", {
        ftype: "incus.tar.xz",
        path: "images/demo/meta.tar.xz",
        size: 600,
        sha256: "1".repeat(64),
        combined_squashfs_sha256: "3".repeat(64),
      }),
    ],
  },
  {
    name: "a combined hash in upper case",
    about: "Listed as it is, and no daemon takes it.",
    edits: set.metadata("combined_squashfs_sha256", "A".repeat(64)),
  },
  {
    name: "a sha256 in upper case",
    about: "Listed, and cannot be fetched.",
    edits: [set.root("sha256", "B".repeat(64))],
  },
  {
    name: "a combined hash of 12 digits",
    about: "Listed as it is, and no daemon takes it.",
    edits: set.metadata("combined_squashfs_sha256", "abcdef012345"),
  },
  {
    name: "a combined hash of 11 characters beside a good image",
    about: "Both command lines take the first twelve bytes of each fingerprint, and end in a panic.",
    edits: [set.otherVersion("20260102_0000", shortHash())],
  },
  {
    name: "a combined hash that is no hash",
    about: "Listed as it is, and no daemon takes it.",
    edits: set.metadata("combined_squashfs_sha256", "to be done later"),
  },
  {
    name: "dialects with different combined hashes",
    about: "Each family lists its own.",
    edits: [
      set.item("lxd.tar.xz", {
        ftype: "lxd.tar.xz",
        path: "images/demo/meta.tar.xz",
        size: 600,
        sha256: "1".repeat(64),
        combined_squashfs_sha256: "4".repeat(64),
      }),
    ],
  },
];
