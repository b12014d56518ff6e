import { describe, expect, test } from "vitest";
import {
  clientProfile,
  clientProfiles,
  combinedFields,
  combinedHash,
  dialectOf,
  instanceTypeOf,
  kernelArchitecture,
  kernelArchitectures,
  personalitiesOf,
  preferredArchitecture,
  roleOf,
  rootFtypes,
} from "../../src/simplestreams/index.ts";

describe("a client profile", () => {
  test("is found by its name, by its family, and by any version", () => {
    for (const profile of clientProfiles) expect(clientProfile(profile.name)).toBe(profile);
    expect(clientProfile("incus").name).toBe("incus 7");
    expect(clientProfile("lxd").name).toBe("lxd 6");
    expect(clientProfile("lxd 5.0.9").family).toBe("lxd");
    for (const name of ["", "docker 1", "incus seven", "incus 7.", "LXD 6", "constructor"]) {
      expect(() => clientProfile(name)).toThrow("no client is called");
    }
  });

  test("follows what changed between versions, backports included", () => {
    const table = (
      field: "combinedType" | "requirements" | "versionPrecision" | "description",
      names: string[],
    ) => names.map((name) => `${name}: ${String(clientProfile(name)[field])}`);
    expect(table("combinedType", ["incus 6.23", "incus 7.0", "incus 7.0.1", "incus 7.1", "lxd 6.9"])).toEqual(
      ["incus 6.23: false", "incus 7.0: false", "incus 7.0.1: true", "incus 7.1: true", "lxd 6.9: false"],
    );
    expect(table("requirements", ["incus 7.3", "lxd 5.0.2", "lxd 5.0.3", "lxd 5.17", "lxd 5.18"])).toEqual([
      "incus 7.3: requirements",
      "lxd 5.0.2: lxd_requirements",
      "lxd 5.0.3: either",
      "lxd 5.17: lxd_requirements",
      "lxd 5.18: either",
    ]);
    expect(
      table("versionPrecision", ["lxd 5.21.2", "lxd 5.21.3", "lxd 6.1", "lxd 6.2", "incus 7.3"]),
    ).toEqual(["lxd 5.21.2: day", "lxd 5.21.3: minute", "lxd 6.1: day", "lxd 6.2: minute", "incus 7.3: day"]);
    expect(table("description", ["incus 7.3", "incus 7.4", "lxd 6.7", "lxd 6.8", "lxd 5.21.7"])).toEqual([
      "incus 7.3: arch-serial",
      "incus 7.4: arch-variant-serial",
      "lxd 6.7: arch-serial",
      "lxd 6.8: label-variant",
      "lxd 5.21.7: arch-serial",
    ]);
    expect(clientProfile("lxd 6.9").enforcesSize).toBe(false);
    expect(clientProfile("lxd 6.10").enforcesSize).toBe(true);
    expect(clientProfile("lxd 5.0.2").deltaRoots).toEqual(["squashfs"]);
    expect(clientProfile("lxd 5.0.4").deltaRoots).toEqual(["squashfs", "disk-kvm.img"]);
  });
});

describe("an architecture", () => {
  test.each([
    ["amd64", "x86_64"],
    ["x86_64", "x86_64"],
    ["arm64", "aarch64"],
    ["armhf", "armv7l"],
    ["armel", "armv6l"],
    ["arm", "armv6l"],
    ["i386", "i686"],
    ["386", "i686"],
    ["ppc64el", "ppc64le"],
    ["powerpc64", "ppc64"],
    ["ppc64", "ppc64"],
    ["s390x", "s390x"],
    ["riscv64", "riscv64"],
    ["loong64", "loongarch64"],
    ["mips64el", "mips64"],
  ])("%s is %s to every newer client", (arch, kernel) => {
    expect(kernelArchitecture(arch, clientProfile("incus"))).toBe(kernel);
    expect(kernelArchitecture(arch, "lxd")).toBe(kernel);
    expect(kernelArchitecture(arch)).toBe(kernel);
  });

  test.each(["all", "noarch", "AMD64", "", "constructor", "amd64 "])("%j is unknown to Incus", (arch) => {
    expect(kernelArchitecture(arch, "incus")).toBeUndefined();
  });

  test("may be known to one family, or to newer versions, only", () => {
    expect(kernelArchitecture("x86_64_v3", "incus")).toBe("x86_64");
    expect(kernelArchitecture("x86_64_v3", "lxd")).toBeUndefined();
    expect(kernelArchitecture("x86_64_v3", clientProfile("incus 6.0"))).toBeUndefined();
    expect(kernelArchitecture("amd64v3", "incus")).toBeUndefined();
    expect(kernelArchitecture("amd64v3", "lxd")).toBe("x86_64");
    expect(kernelArchitecture("x86_64 x86_64", "lxd")).toBe("x86_64");
    expect(kernelArchitecture("x86_64 x86_64", "incus")).toBeUndefined();
    expect(kernelArchitecture("loong64", clientProfile("lxd 5.0"))).toBeUndefined();
  });

  test("has a preferred spelling that every newer client knows as the same one", () => {
    expect(kernelArchitectures).toHaveLength(15);
    for (const kernel of kernelArchitectures) {
      const preferred = preferredArchitecture(kernel) ?? "";
      expect(kernelArchitecture(preferred, "incus")).toBe(kernel);
      expect(kernelArchitecture(preferred, "lxd")).toBe(kernel);
    }
    expect(["x86_64", "aarch64", "armv7l", "ppc64le"].map(preferredArchitecture)).toEqual([
      "amd64",
      "arm64",
      "armhf",
      "ppc64el",
    ]);
  });

  test("may run 32-bit programs of others", () => {
    expect(personalitiesOf("aarch64")).toEqual(["armv6l", "armv7l", "armv8l"]);
    expect(personalitiesOf("s390x")).toEqual([]);
  });
});

describe("an ftype", () => {
  test.each([
    ["incus.tar.xz", "metadata", "incus"],
    ["lxd.tar.xz", "metadata", "lxd"],
    ["incus_combined.tar.gz", "unified", "incus"],
    ["lxd_combined.tar.gz", "unified", "lxd"],
    ["squashfs", "root", undefined],
    ["disk1.img", "root", undefined],
    ["squashfs.vcdiff", "delta", undefined],
    ["disk-kvm.img.vcdiff", "delta", undefined],
    ["root.tar.gz", "other", undefined],
    ["SQUASHFS", "other", undefined],
    ["constructor", "other", undefined],
    [undefined, "other", undefined],
  ])("%s is %s", (ftype, role, dialect) => {
    expect(roleOf(ftype)).toBe(role);
    expect(dialectOf(ftype)).toBe(dialect);
  });

  test("of a root decides between container and virtual machine", () => {
    expect(rootFtypes.map(instanceTypeOf)).toEqual([
      "container",
      "container",
      "virtual-machine",
      "virtual-machine",
      "virtual-machine",
    ]);
  });

  test("of a root has its own combined hash; only root.tar.xz falls back to combined_sha256", () => {
    for (const root of rootFtypes) {
      expect(combinedHash({ [combinedFields[root]]: "own", combined_sha256: "old" }, root)).toBe("own");
      expect(combinedHash({ [combinedFields[root]]: "", combined_sha256: "old" }, root)).toBe(
        root === "root.tar.xz" ? "old" : undefined,
      );
      expect(combinedHash({}, root)).toBeUndefined();
    }
  });
});
