import { describe, expect, test } from "vitest";
import {
  clientProfile,
  clientProfiles,
  type Item,
  imagesOf,
  resolveAlias,
  resolveName,
} from "../../src/simplestreams/index.ts";
import { fileOf, productOf, sha, splitItems, versionOf } from "./sample-products.ts";

const incus = clientProfile("incus 7");
const lxd = clientProfile("lxd 6");
const oldLxd = clientProfile("lxd 5.0");

/** The one image of a file with one build. */
function only(product: ReturnType<typeof productOf>, client = incus) {
  const images = imagesOf(fileOf({ p: product }), client);
  expect(images).toHaveLength(1);
  const [image] = images;
  if (image === undefined) throw new Error("no image");
  return image;
}

describe("a listed image", () => {
  test("has all that the client shows, and where it comes from", () => {
    const product = productOf(
      { "20260101_0742": versionOf(splitItems(1), { label: "release" }) },
      {
        version: "12.1",
        aliases: "debian/12,debian/bookworm",
        requirements: { secureboot: "false", empty: "" },
        support_eol: "2028-06-30",
      },
    );
    expect(only(product)).toEqual({
      fingerprint: sha(10),
      type: "container",
      architecture: "x86_64",
      properties: {
        os: "Debian",
        release: "bookworm",
        version: "12.1",
        architecture: "amd64",
        label: "release",
        serial: "20260101_0742",
        description: "Debian 12 amd64 (release) (20260101_0742)",
        variant: "default",
        type: "squashfs",
        "requirements.secureboot": "false",
      },
      aliases: ["debian/12", "debian/12/amd64", "debian/bookworm", "debian/bookworm/amd64"],
      claims: ["debian/12", "debian/12/amd64", "debian/bookworm", "debian/bookworm/amd64"],
      description: "Debian 12 amd64 (release) (20260101_0742)",
      createdAt: "2026-01-01T00:00:00Z",
      uploadedAt: "2026-01-01T00:00:00Z",
      expiresAt: "2028-06-30T00:00:00Z",
      size: 10_000,
      filename: "metadata.tar.xz",
      files: [
        {
          role: "metadata",
          item: "incus.tar.xz",
          path: "files/1/metadata.tar.xz",
          sha256: sha(11),
          size: 500,
        },
        { role: "root", item: "squashfs", path: "files/1/root.squashfs", sha256: sha(12), size: 9500 },
      ],
      deltas: [],
      product: "p",
      version: "20260101_0742",
      file: 0,
    });
  });

  test("is described in the words of its client", () => {
    const product = productOf(
      { "20260101_0742": versionOf(splitItems(1), { label: "daily" }) },
      { variant: "cloud" },
    );
    const described = (name: string) => only(product, clientProfile(name)).description;
    expect(described("incus 6.0")).toBe("Debian 12 amd64 (daily) (20260101_0742)");
    expect(described("incus 7.4")).toBe("Debian 12 amd64 (cloud) (daily) (20260101_0742)");
    expect(described("lxd 5.21")).toBe("Debian 12 amd64 (daily) (20260101_0742)");
    expect(described("lxd 6")).toBe("Debian 12 (daily) (cloud)");
  });

  test("has no `default` in the description of Incus, and has it in that of LXD", () => {
    const product = productOf({ "20260101_0742": splitItems(1) });
    expect(only(product, clientProfile("incus 7.4")).description).toBe("Debian 12 amd64 (20260101_0742)");
    expect(only(product, lxd).description).toBe("Debian 12 (default)");
  });

  test("has the time of its version in newer LXD, and only the day elsewhere", () => {
    const product = productOf({ "20260101_0742": splitItems(1) });
    const created = (name: string) => only(product, clientProfile(name)).createdAt;
    expect(created("lxd 6")).toBe("2026-01-01T07:42:00Z");
    expect(created("lxd 5.21")).toBe("2026-01-01T07:42:00Z");
    expect(created("lxd 5.0")).toBe("2026-01-01T00:00:00Z");
    expect(created("incus 7")).toBe("2026-01-01T00:00:00Z");
  });

  test("carries release title and codename as fields in newer LXD only", () => {
    const product = productOf({ "20260101_0742": splitItems(1) }, { release_codename: "Bookworm" });
    expect(only(product, lxd)).toMatchObject({ releaseTitle: "12", releaseCodename: "Bookworm" });
    expect(only(product, clientProfile("lxd 5.21"))).not.toHaveProperty("releaseTitle");
    expect(only(product, incus)).not.toHaveProperty("releaseCodename");
  });

  test.each([
    [{ requirements: { a: "1" }, lxd_requirements: { b: "2" } }, ["a"], ["b"], ["b"]],
    [{ requirements: { a: "1" } }, ["a"], ["a"], []],
    [{ requirements: { a: "1" }, lxd_requirements: {} }, ["a"], [], []],
    [{ lxd_requirements: { b: "2" } }, [], ["b"], ["b"]],
  ])(
    "with %j has requirements %j in Incus, %j in LXD, %j in LXD 5.0.2",
    (fields, inIncus, inLxd, inOldLxd) => {
      const product = productOf({ "20260101_0742": splitItems(1) }, fields);
      const required = (client: typeof incus) =>
        Object.keys(only(product, client).properties)
          .filter((key) => key.startsWith("requirements."))
          .map((key) => key.slice("requirements.".length));
      expect(required(incus)).toEqual(inIncus);
      expect(required(lxd)).toEqual(inLxd);
      expect(required(oldLxd)).toEqual(inOldLxd);
    },
  );

  test.each([
    ["2028-06-30", "2028-06-30T00:00:00Z"],
    ["2028-02-30", "1970-01-01T00:00:00Z"],
    ["2028-6-30", "1970-01-01T00:00:00Z"],
    ["June 2028", "1970-01-01T00:00:00Z"],
    ["", "1970-01-01T00:00:00Z"],
  ])("with support_eol %j expires %s", (support_eol, expected) => {
    expect(only(productOf({ "20260101_0742": splitItems(1) }, { support_eol })).expiresAt).toBe(expected);
  });

  test("has holes where fields are missing, and no empty properties", () => {
    const image = only({ arch: "amd64", versions: new Map([["20260101_0742", { items: splitItems(1) }]]) });
    expect(image.description).toBe("  amd64 (20260101_0742)");
    expect(image.properties).toEqual({
      architecture: "amd64",
      serial: "20260101_0742",
      description: "  amd64 (20260101_0742)",
      type: "squashfs",
    });
    expect(image.aliases).toEqual([]);
  });
});

describe("which images there are", () => {
  const roots: [string, Item][] = [
    ["squashfs", { ftype: "squashfs", path: "r1", size: 1, sha256: sha("1") }],
    ["tar", { ftype: "root.tar.xz", path: "r2", size: 2, sha256: sha("2") }],
    ["kvm", { ftype: "disk-kvm.img", path: "r3", size: 3, sha256: sha("3") }],
    ["uefi", { ftype: "uefi1.img", path: "r4", size: 4, sha256: sha("4") }],
    ["disk1", { ftype: "disk1.img", path: "r5", size: 5, sha256: sha("5") }],
  ];
  const metadata: Item = {
    ftype: "incus.tar.xz",
    path: "m",
    size: 10,
    sha256: sha("0"),
    combined_squashfs_sha256: sha("a"),
    combined_rootxz_sha256: sha("b"),
    "combined_disk-kvm-img_sha256": sha("c"),
    "combined_uefi1-img_sha256": sha("d"),
    "combined_disk1-img_sha256": sha("e"),
  };

  test("every root is an image of its own; the best of each type gets the aliases", () => {
    const product = productOf({ "20260101_0742": new Map([...roots.toReversed(), ["m", metadata]]) });
    const images = imagesOf(fileOf({ p: product }), incus);
    expect(
      images.map(({ properties, type, size, aliases }) => [properties["type"], type, size, aliases[0]]),
    ).toEqual([
      ["squashfs", "container", 11, "debian/12"],
      ["root.tar.xz", "container", 12, undefined],
      ["disk-kvm.img", "virtual-machine", 13, "debian/12"],
      ["uefi1.img", "virtual-machine", 14, undefined],
      ["disk1.img", "virtual-machine", 15, undefined],
    ]);
  });

  test("each family reads its own metadata item, and neither the other's", () => {
    const product = productOf({ "20260101_0742": new Map([["m", metadata], ...roots]) });
    expect(imagesOf(fileOf({ p: product }), lxd)).toEqual([]);
    expect(imagesOf(fileOf({ p: product }), incus)).toHaveLength(5);
  });

  test("a unified image is known by the hash of its one file", () => {
    const items = (combined_type?: string) =>
      new Map<string, Item>([
        [
          "i",
          {
            ftype: "incus_combined.tar.gz",
            path: "a/u.tar.gz",
            size: 7,
            sha256: sha("1"),
            ...(combined_type && { combined_type }),
          },
        ],
        [
          "l",
          {
            ftype: "lxd_combined.tar.gz",
            path: "a/u.tar.gz",
            size: 7,
            sha256: sha("1"),
            ...(combined_type && { combined_type }),
          },
        ],
      ]);
    for (const client of clientProfiles) {
      const image = only(productOf({ "20260101_0742": items() }), client);
      expect(image).toMatchObject({
        fingerprint: sha("1"),
        type: "container",
        size: 7,
        filename: "u.tar.gz",
      });
      expect(image.properties["type"]).toBe("tar.gz");
      expect(image.files.map(({ role }) => role)).toEqual(["unified"]);
    }
    const types = clientProfiles.map((client) => {
      const image = only(productOf({ "20260101_0742": items("virtual-machine") }), client);
      return `${client.name}: ${image.type}`;
    });
    expect(types).toEqual([
      "incus 6.0: container",
      "incus 7: virtual-machine",
      "lxd 5.0: container",
      "lxd 5.21: container",
      "lxd 6: container",
    ]);
  });
});

describe("the order and the aliases", () => {
  test("the newest version gets an alias, by plain comparison of version names", () => {
    const product = productOf({
      "20260101_0742": splitItems(1),
      "20260103.10": splitItems(3),
      "20260103.9": splitItems(4),
      "20260102": splitItems(2),
    });
    const images = imagesOf(fileOf({ p: product }), incus);
    expect(images.map(({ version, aliases }) => [version, aliases.length])).toEqual([
      ["20260103.9", 2],
      ["20260103.10", 0],
      ["20260102", 0],
      ["20260101_0742", 0],
    ]);
  });

  test("images are in order of os, release, variant, version and architecture", () => {
    const file = fileOf({
      1: productOf({ "20260101_0000": splitItems(1) }, { os: "b" }),
      2: productOf({ "20260101_0000": splitItems(2) }, { os: "a", release: "2" }),
      3: productOf({ "20260101_0000": splitItems(3) }, { os: "a", release: "1", variant: "y" }),
      4: productOf(
        { "20260101_0000": splitItems(4), "20260201_0000": splitItems(5) },
        { os: "a", release: "1", variant: "x", arch: "arm64" },
      ),
      5: productOf(
        { "20260101_0000": splitItems(6) },
        { os: "a", release: "1", variant: "x", arch: "amd64" },
      ),
    });
    expect(imagesOf(file, lxd).map(({ fingerprint }) => fingerprint)).toEqual(
      [5, 6, 4, 3, 2, 1].map((n) => sha(n * 10)),
    );
  });

  test("the short alias is shown on the client's own architecture only, and leads to all of them", () => {
    const file = fileOf({
      amd: productOf({ "20260101_0000": splitItems(1) }),
      arm: productOf({ "20260101_0000": splitItems(2) }, { arch: "arm64" }),
    });
    const shown = (clientArch: string) =>
      Object.fromEntries(
        imagesOf(file, incus, { clientArch }).map((image) => [image.architecture, image.aliases]),
      );
    expect(shown("x86_64")).toEqual({
      x86_64: ["debian/12", "debian/12/amd64"],
      aarch64: ["debian/12/arm64"],
    });
    expect(shown("aarch64")).toEqual({
      x86_64: ["debian/12/amd64"],
      aarch64: ["debian/12", "debian/12/arm64"],
    });
    const images = imagesOf(file, incus);
    expect(resolveAlias(images, "debian/12", "container", "aarch64")?.product).toBe("arm");
    expect(resolveAlias(images, "debian/12/arm64", "container", "x86_64")?.product).toBe("arm");
  });

  test("aliases are split and nothing else: blanks stay, empty ones stay, nothing is added", () => {
    const image = only(productOf({ "20260101_0000": splitItems(1) }, { aliases: "a, b,,a" }));
    expect(image.aliases).toEqual(["a", "a/amd64", " b", " b/amd64", "", "/amd64"]);
  });

  test("the first product to claim an alias has it, for its type and architecture", () => {
    const file = fileOf({
      later: productOf({ "20260201_0000": splitItems(1) }, { os: "Zebra", aliases: "x" }),
      first: productOf({ "20260101_0000": splitItems(2) }, { os: "Ant", aliases: "x" }),
    });
    expect(imagesOf(file, incus).map(({ product, aliases }) => [product, aliases])).toEqual([
      ["first", ["x", "x/amd64"]],
      ["later", []],
    ]);
  });

  test("several files are sorted together, as the entries of one index are", () => {
    const one = fileOf({ b: productOf({ "20260101_0000": splitItems(1) }, { aliases: "x" }) });
    const two = fileOf({ a: productOf({ "20260201_0000": splitItems(2) }, { aliases: "x" }) });
    expect(imagesOf([one, two], incus).map(({ product, aliases }) => [product, aliases.length])).toEqual([
      ["a", 2],
      ["b", 0],
    ]);
  });

  test("LXD drops ubuntu/ from aliases of Canonical's own server, and nobody does elsewhere", () => {
    const file = fileOf({ p: productOf({ "20260101_0000": splitItems(1) }, { aliases: "ubuntu/24.04" }) });
    const serverUrl = "https://cloud-images.ubuntu.com/releases";
    expect(imagesOf(file, lxd, { serverUrl })[0]?.aliases).toEqual(["24.04", "24.04/amd64"]);
    expect(imagesOf(file, incus, { serverUrl })[0]?.aliases[0]).toBe("ubuntu/24.04");
    expect(imagesOf(file, lxd, { serverUrl: "https://mirror/releases" })[0]?.aliases[0]).toBe("ubuntu/24.04");
  });
});

describe("resolving a name", () => {
  const vm: Item = { ftype: "disk-kvm.img", path: "d", size: 1, sha256: sha("d") };
  const file = fileOf({
    both: productOf({
      "20260101_0000": new Map([
        ...splitItems(1, { "combined_disk-kvm-img_sha256": sha("f") }),
        ["disk", vm],
      ]),
    }),
    arm: productOf({ "20260101_0000": splitItems(2) }, { arch: "armhf", os: "Arm", aliases: "arm" }),
    other: productOf({ "20260101_0000": splitItems(3) }, { arch: "s390x", os: "Arm", aliases: "arm" }),
  });
  const images = imagesOf(file, incus);

  test("without a type finds the container first, then the virtual machine", () => {
    expect(resolveAlias(images, "debian/12", undefined, "x86_64")?.type).toBe("container");
    expect(resolveAlias(images, "debian/12", "virtual-machine", "x86_64")?.fingerprint).toBe(sha("f"));
    expect(resolveAlias(images, "debian/13", undefined, "x86_64")).toBeUndefined();
  });

  test("finds the own architecture, then one the machine can run, then any", () => {
    expect(resolveAlias(images, "arm", "container", "s390x")?.architecture).toBe("s390x");
    expect(resolveAlias(images, "arm", "container", "aarch64")?.architecture).toBe("armv7l");
    expect(resolveAlias(images, "arm", "container", "riscv64")).toBeDefined();
  });

  test("falls back to the beginning of a fingerprint, however short", () => {
    expect(resolveName(images, "f")).toMatchObject({
      kind: "image",
      by: "fingerprint",
      image: { fingerprint: sha("f") },
    });
    expect(resolveName(images, "debian/12")).toMatchObject({ kind: "image", by: "alias" });
    expect(resolveName(images, "0")).toMatchObject({ kind: "several" });
    expect(resolveName(images, "zzz")).toEqual({ kind: "none" });
  });

  test("fails for an image whose fingerprint is listed twice, also through its alias", () => {
    const twice = fileOf({
      a: productOf({ "20260101_0000": splitItems(1) }),
      b: productOf({ "20260102_0000": splitItems(1) }, { aliases: "b" }),
    });
    expect(resolveName(imagesOf(twice, incus), "debian/12")).toMatchObject({ kind: "several" });
    expect(resolveName(imagesOf(twice, incus), sha(10))).toMatchObject({ kind: "several" });
  });
});

describe("deltas", () => {
  const delta = (ftype: string, delta_base: string): Item => ({
    ftype,
    path: "d",
    size: 3,
    sha256: sha("d"),
    delta_base,
  });
  const disk: [string, Item] = ["disk", { ftype: "disk-kvm.img", path: "k", size: 1, sha256: sha("e") }];

  test("are usable when their base is listed with metadata, even without its root", () => {
    const base = new Map([...splitItems(1)].filter(([key]) => key !== "squashfs"));
    const product = productOf({
      "20260101_0000": base,
      "20260102_0000": new Map([...splitItems(2), ["delta", delta("squashfs.vcdiff", "20260101_0000")]]),
    });
    for (const client of clientProfiles) {
      expect(imagesOf(fileOf({ p: product }), client).map(({ deltas }) => deltas)).toEqual([
        [
          {
            item: "delta",
            path: "d",
            size: 3,
            sha256: sha("d"),
            baseVersion: "20260101_0000",
            baseFingerprint: sha(10),
          },
        ],
      ]);
    }
  });

  test("are not, when their base is gone or has no fingerprint", () => {
    const product = productOf({
      "20260101_0000": splitItems(1, { combined_squashfs_sha256: "" }),
      "20260102_0000": new Map([
        ...splitItems(2),
        ["gone", delta("squashfs.vcdiff", "20251231_0000")],
        ["none", delta("squashfs.vcdiff", "20260101_0000")],
      ]),
    });
    expect(imagesOf(fileOf({ p: product }), incus).flatMap(({ deltas }) => deltas)).toEqual([]);
  });

  test("of a VM disk name the wrong base in Incus, the right one in LXD, and are unread by old LXD", () => {
    const vm = (number: number) =>
      splitItems(number, { "combined_disk-kvm-img_sha256": sha(number * 10 + 5) }).set(...disk);
    const product = productOf({
      "20260101_0000": vm(1),
      "20260102_0000": new Map([...vm(2), ["delta", delta("disk-kvm.img.vcdiff", "20260101_0000")]]),
    });
    const bases = (client: typeof incus) =>
      imagesOf(fileOf({ p: product }), client).flatMap(({ deltas }) =>
        deltas.map((one) => one.baseFingerprint),
      );
    expect(bases(incus)).toEqual([sha(10)]);
    expect(bases(lxd)).toEqual([sha(15)]);
    expect(bases(oldLxd)).toEqual([]);
  });
});
