/** 64 hex digits that stand for a file nobody downloads. */
function sha(number: number): string {
  return number.toString(16).padStart(64, "0");
}

function splitItems(number: number, roots: readonly string[] = ["squashfs"]): Record<string, unknown> {
  const combined = Object.fromEntries(
    roots.map((root, position) => [`combined_${COMBINED[root]}_sha256`, sha(number * 100 + position)]),
  );
  const metadata = {
    path: `files/${number}/meta.tar.xz`,
    size: 1000 + number,
    sha256: sha(number),
    ...combined,
  };
  return {
    "incus.tar.xz": { ...metadata, ftype: "incus.tar.xz" },
    "lxd.tar.xz": { ...metadata, ftype: "lxd.tar.xz" },
    ...Object.fromEntries(
      roots.map((root, position) => [
        root,
        {
          ftype: root,
          path: `files/${number}/root-${position}`,
          size: 5000 + number * 10 + position,
          sha256: sha(number * 1000 + position),
        },
      ]),
    ),
  };
}

const COMBINED: Readonly<Record<string, string>> = {
  squashfs: "squashfs",
  "root.tar.xz": "rootxz",
  "disk-kvm.img": "disk-kvm-img",
  "disk1.img": "disk1-img",
  "uefi1.img": "uefi1-img",
};

const plain = {
  arch: "amd64",
  os: "Odd",
  release: "one",
  release_title: "One",
  variant: "default",
  aliases: "odd/one",
};

/**
 * Products that are unusual and still legal for the clients, by what is unusual about them. None names a file that
 * exists: they are listed only.
 */
const oddProducts: Readonly<Record<string, unknown>> = {
  "every kind of root": {
    ...plain,
    release: "kinds",
    aliases: "odd/kinds,kinds",
    versions: {
      "20260101_0742": {
        items: splitItems(1, ["squashfs", "root.tar.xz", "disk-kvm.img", "disk1.img", "uefi1.img"]),
      },
    },
  },
  "several versions, labels, an end of life": {
    ...plain,
    release: "versions",
    aliases: "odd/versions",
    support_eol: "2031-04-30",
    version: "12.1",
    versions: {
      "20260101": { label: "release", items: splitItems(2) },
      "20260301_1200": { label: "daily", items: splitItems(3) },
      "20260301_0900": { items: splitItems(4) },
      "20260301.2": { items: splitItems(5) },
      "202603021200": { items: splitItems(6) },
    },
  },
  "version names that clients skip": {
    ...plain,
    release: "skipped",
    aliases: "odd/skipped",
    versions: {
      "2024-01-01": { items: splitItems(7) },
      v1: { items: splitItems(8) },
      "20240230_0101": { items: splitItems(9) },
      __proto__x: { items: splitItems(10) },
      "20240229": { items: splitItems(11) },
    },
  },
  "aliases with blanks, empty and repeated ones": {
    ...plain,
    release: "aliases",
    aliases: "odd/aliases, blank,,odd/aliases,12",
    versions: { "20260101_0000": { items: splitItems(12) } },
  },
  "the same alias on two products": {
    ...plain,
    release: "same-a",
    aliases: "odd/shared,odd/a",
    versions: { "20260101_0000": { items: splitItems(13) } },
  },
  "the same alias again": {
    ...plain,
    release: "same-b",
    aliases: "odd/shared,odd/b",
    versions: { "20260601_0000": { items: splitItems(14) } },
  },
  "requirements of one dialect": {
    ...plain,
    release: "requirements",
    aliases: "odd/requirements",
    requirements: { secureboot: "false", nesting: "true" },
    lxd_requirements: { secureboot: "true" },
    versions: { "20260101_0000": { items: splitItems(15) } },
  },
  "only plain requirements": {
    ...plain,
    release: "requirements-plain",
    aliases: "odd/requirements-plain",
    requirements: { cgroup: "v1" },
    versions: { "20260101_0000": { items: splitItems(16) } },
  },
  "an architecture of another machine": {
    ...plain,
    release: "arch",
    arch: "arm64",
    aliases: "odd/arch",
    versions: { "20260101_0000": { items: splitItems(17) } },
  },
  "the same release for this machine": {
    ...plain,
    release: "arch",
    aliases: "odd/arch",
    versions: { "20260101_0000": { items: splitItems(18) } },
  },
  "an architecture nobody knows": {
    ...plain,
    release: "unknown-arch",
    arch: "all",
    aliases: "odd/unknown",
    versions: { "20260101_0000": { items: splitItems(19) } },
  },
  ...Object.fromEntries(
    [
      "i386",
      "armhf",
      "armel",
      "ppc64el",
      "s390x",
      "riscv64",
      "loongarch64",
      "x86_64_v3",
      "amd64v3",
      "AMD64",
    ].map((arch, position) => [
      `architecture ${arch}`,
      {
        ...plain,
        release: "archs",
        arch,
        aliases: "odd/archs",
        versions: { "20260101_0000": { items: splitItems(20 + position) } },
      },
    ]),
  ),
  "unified images of both dialects": {
    ...plain,
    release: "unified",
    aliases: "odd/unified",
    versions: {
      "20260101_0000": {
        items: {
          "incus_combined.tar.gz": {
            ftype: "incus_combined.tar.gz",
            path: "files/42/image.tar.gz",
            size: 4242,
            sha256: sha(42),
          },
          "lxd_combined.tar.gz": {
            ftype: "lxd_combined.tar.gz",
            path: "files/42/image.tar.gz",
            size: 4242,
            sha256: sha(42),
          },
          manifest: { ftype: "manifest", path: "files/42/manifest", size: 1, sha256: sha(4299) },
        },
      },
    },
  },
  "a unified virtual machine": {
    ...plain,
    release: "unified-vm",
    aliases: "odd/unified-vm",
    versions: {
      "20260101_0000": {
        items: {
          "incus_combined.tar.gz": {
            ftype: "incus_combined.tar.gz",
            combined_type: "virtual-machine",
            path: "files/43/image.tar.gz",
            size: 4343,
            sha256: sha(43),
          },
        },
      },
    },
  },
  "one dialect only": {
    ...plain,
    release: "lxd-only",
    aliases: "odd/lxd-only",
    versions: {
      "20260101_0000": {
        items: Object.fromEntries(Object.entries(splitItems(44)).filter(([key]) => key !== "incus.tar.xz")),
      },
    },
  },
  "no fingerprint for the root": {
    ...plain,
    release: "no-fingerprint",
    aliases: "odd/no-fingerprint",
    versions: {
      "20260101_0000": {
        items: {
          ...splitItems(45, []),
          squashfs: { ftype: "squashfs", path: "files/45/root", size: 1, sha256: sha(4500) },
        },
      },
    },
  },
  "only combined_sha256, and a tarball root": {
    ...plain,
    release: "combined",
    aliases: "odd/combined",
    versions: {
      "20260101_0000": {
        items: {
          "incus.tar.xz": {
            ftype: "incus.tar.xz",
            path: "files/46/meta",
            size: 46,
            sha256: sha(46),
            combined_sha256: sha(4600),
          },
          "lxd.tar.xz": {
            ftype: "lxd.tar.xz",
            path: "files/46/meta",
            size: 46,
            sha256: sha(46),
            combined_sha256: sha(4600),
          },
          root: { ftype: "root.tar.xz", path: "files/46/root", size: 460, sha256: sha(4601) },
        },
      },
    },
  },
  "no path for the metadata": {
    ...plain,
    release: "no-path",
    aliases: "odd/no-path",
    versions: {
      "20260101_0000": {
        items: {
          "incus.tar.xz": {
            ftype: "incus.tar.xz",
            size: 47,
            sha256: sha(47),
            combined_squashfs_sha256: sha(4700),
          },
          "lxd.tar.xz": {
            ftype: "lxd.tar.xz",
            size: 47,
            sha256: sha(47),
            combined_squashfs_sha256: sha(4700),
          },
          squashfs: { ftype: "squashfs", path: "files/47/root", size: 470, sha256: sha(4701) },
        },
      },
    },
  },
  "names with markup, quotes and escapes": {
    ...plain,
    os: '<b>Odd</b> \u001b[31m"quoted"',
    release: "\u00fc\u4e2d\ud83d\ude00",
    aliases: "odd/\u00fc,odd/\u4e2d\ud83d\ude00,<i>",
    versions: { "20260101_0000": { items: splitItems(48) } },
  },
  'a"key\u001b[0m with \\ and \u0000 in it': {
    ...plain,
    release: "key",
    aliases: "odd/key",
    unknown_field: { nested: [1, 2, { three: null }] },
    versions: { "20260101_0000": { unknown: true, items: splitItems(49) } },
  },
  "unicode beyond the basic plane sorts by bytes": {
    ...plain,
    release: "sort\ufffd",
    aliases: "odd/sort",
    versions: { "20260101_0000": { items: splitItems(50) } },
  },
  "unicode beyond the basic plane, the other": {
    ...plain,
    release: "sort\ud83d\ude00",
    aliases: "odd/sort",
    versions: { "20260101_0000": { items: splitItems(51) } },
  },
};

/**
 * Trees to list, by what they are about. What lacks a field that clients sort by is alone in its tree: the clients' order
 * is undefined otherwise, and then even the aliases of products next to it go to old versions (seen with Incus 6.0.4).
 */
export const ODD_TREES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "unusual products": oddProducts,
  "a product without title, variant and aliases": {
    "no title, no variant, an end of life that is no date": {
      arch: "amd64",
      os: "Untitled",
      release: "x",
      support_eol: "April 2031",
      versions: { "20260101_0000": { items: splitItems(40) } },
    },
  },
  "a product without os and release": {
    "no os and no release": {
      arch: "amd64",
      release_title: "Nothing",
      aliases: "nothing",
      versions: { "20260101_0000": { items: splitItems(41) } },
    },
  },
};
