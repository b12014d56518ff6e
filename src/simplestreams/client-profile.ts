import { HeadwaterError } from "../error.ts";
import { quoted } from "./printable.ts";
import type { VersionPrecision } from "./version-name.ts";

/** The two projects. Also the two dialects of a metadata item: `incus.tar.xz` and `lxd.tar.xz`. */
export type Family = "incus" | "lxd";
/** Whom a metadata or unified item speaks to. */
export type Dialect = Family;

/** What a client of one version reads, lists and fetches. The fields name what differs between versions. */
export interface ClientProfile {
  /** `incus 6.0`, `lxd 5.21`, ... */
  readonly name: string;
  readonly family: Family;
  /** The release whose code the fields follow. */
  readonly version: string;
  /**
   * What the description is made of. `arch-serial`: os, release title, arch, label, version. `arch-variant-serial`: also the
   * variant unless it is `default`. `label-variant`: os, release title, label, variant (also `default`).
   */
  readonly description: "arch-serial" | "arch-variant-serial" | "label-variant";
  /** `requirements`: that field only. `lxd_requirements`: that field only. `either`: the second one where present, even empty. */
  readonly requirements: "requirements" | "lxd_requirements" | "either";
  /** Whether `combined_type: virtual-machine` on a unified item makes it a virtual machine; else it is listed as a container. */
  readonly combinedType: boolean;
  readonly versionPrecision: VersionPrecision;
  /** Whether release title and codename are fields of a listed image. */
  readonly exportsRelease: boolean;
  /** Whether a download stops at the item's `size`, so that a missing or too small one makes it fail. */
  readonly enforcesSize: boolean;
  /** Roots for which deltas are read. */
  readonly deltaRoots: readonly ("squashfs" | "disk-kvm.img")[];
  /** Whether the base of a VM delta is looked up by the squashfs fingerprint, which is the wrong image. */
  readonly vmDeltaBaseWrong: boolean;
  /** Groups of architecture names that not every version knows. */
  readonly architectures: readonly ArchitectureGroup[];
}

/** `x86-levels`: `x86_64_v1` to `_v4`. `repeated`: `x86_64 x86_64`, where the first word counts. */
export type ArchitectureGroup = "x86-levels" | "amd64v3" | "loongarch" | "mipsle" | "repeated";

/**
 * The client versions Headwater checks against: the long-term versions people run, and the newest of each project. The
 * long-term ones are those of Debian 12 (LXD 5.0.2; Incus 6.0.4 from its backports), the others the newest of their line.
 */
export const clientProfiles: readonly ClientProfile[] = [
  profileOf("incus 6.0", "incus", "6.0.4"),
  profileOf("incus 7", "incus", "7.3"),
  profileOf("lxd 5.0", "lxd", "5.0.2"),
  profileOf("lxd 5.21", "lxd", "5.21.7"),
  profileOf("lxd 6", "lxd", "6.9"),
];

/**
 * A profile by name: one of `clientProfiles`, just `incus` or `lxd` for the newest, or any version such as `incus 6.23` or
 * `lxd 5.0.9`. Throws NOT_FOUND.
 */
export function clientProfile(name: string): ClientProfile {
  const newest = { incus: "incus 7", lxd: "lxd 6" }[name] ?? name;
  const known = clientProfiles.find((profile) => profile.name === newest);
  if (known !== undefined) return known;
  const parts = /^(incus|lxd) (\d{1,3}(?:\.\d{1,3}){1,2})$/.exec(name);
  if (parts === null) {
    throw new HeadwaterError("NOT_FOUND", `no client is called ${quoted(name)}`, {
      hint: `Use one of ${clientProfiles.map((profile) => profile.name).join(", ")}, or a version such as "incus 6.23".`,
    });
  }
  return profileOf(name, parts[1] === "incus" ? "incus" : "lxd", parts[2] ?? "");
}

function profileOf(name: string, family: Family, version: string): ClientProfile {
  return family === "incus" ? incus(name, version) : lxd(name, version);
}

/** Read in the tags of lxc/incus: shared/simplestreams/products.go and shared/osarch/architectures.go. */
function incus(name: string, version: string): ClientProfile {
  const since = sinceIn(version);
  return {
    name,
    family: "incus",
    version,
    // 7.3 was the newest release when this was read; the variant is in the code after it.
    description: since("7.4") ? "arch-variant-serial" : "arch-serial",
    requirements: "requirements",
    combinedType: since("7.1", "7.0.1"),
    versionPrecision: "day",
    exportsRelease: false,
    enforcesSize: false,
    deltaRoots: ["squashfs", "disk-kvm.img"],
    vmDeltaBaseWrong: true,
    architectures: [
      ...(since("6.18", "6.0.6") ? (["x86-levels"] as const) : []),
      ...(since("0.2") ? (["loongarch"] as const) : []),
      "mipsle",
    ],
  };
}

/**
 * Read in the tags of canonical/lxd, the same two files. Not followed: 5.0.3 and 5.18 to 5.20 also listed `incus.tar.xz`,
 * for the few months in which both projects tried to share it.
 */
function lxd(name: string, version: string): ClientProfile {
  const since = sinceIn(version);
  const vmDeltas = since("6.1", "5.21.2", "5.0.4");
  return {
    name,
    family: "lxd",
    version,
    description: since("6.8") ? "label-variant" : "arch-serial",
    requirements: since("5.18", "5.0.3") ? "either" : "lxd_requirements",
    combinedType: false,
    versionPrecision: since("6.2", "5.21.3") ? "minute" : "day",
    exportsRelease: since("6.8"),
    // In the code after 6.9 (shared/util.go caps the body at the listed size).
    enforcesSize: since("6.10"),
    deltaRoots: vmDeltas ? ["squashfs", "disk-kvm.img"] : ["squashfs"],
    vmDeltaBaseWrong: false,
    architectures: [
      ...(since("6.7", "5.21.5") ? (["amd64v3", "repeated"] as const) : []),
      ...(since("5.19", "5.0.3") ? (["loongarch"] as const) : []),
      // Upstream's 5.0.2 lacks it and Debian's build of that version has it (tried).
      ...(since("5.11", "5.0.2") ? (["mipsle"] as const) : []),
    ],
  };
}

/**
 * Tells whether a version has what came with `main`. Long-term lines got some of it later: within the line of a
 * backport (`5.21.3` speaks for all of 5.21) that one decides.
 */
function sinceIn(version: string): (main: string, ...backports: readonly string[]) => boolean {
  const line = (text: string) => numbers(text).slice(0, 2).join(".");
  return (main, ...backports) => {
    const backport = backports.find((other) => line(other) === line(version));
    return compareNumbers(numbers(version), numbers(backport ?? main)) >= 0;
  };
}

function numbers(version: string): number[] {
  return version.split(".").map(Number);
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (const at of [0, 1, 2]) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
