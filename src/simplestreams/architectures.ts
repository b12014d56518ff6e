import type { ArchitectureGroup, ClientProfile, Family } from "./client-profile.ts";

/**
 * Kernel names and the other spellings that clients take for them: shared/osarch/architectures.go of both projects. A
 * group marks spellings that only some versions know.
 */
const table: readonly { kernel: string; preferred: string; aliases: string[]; group?: ArchitectureGroup }[] =
  [
    { kernel: "i686", preferred: "i386", aliases: ["i386", "i586", "386", "x86", "generic_32"] },
    { kernel: "x86_64", preferred: "amd64", aliases: ["amd64", "generic_64"] },
    { kernel: "x86_64", preferred: "amd64", aliases: ["amd64v3"], group: "amd64v3" },
    {
      kernel: "x86_64",
      preferred: "amd64",
      aliases: ["x86_64_v1", "x86_64_v2", "x86_64_v3", "x86_64_v4"],
      group: "x86-levels",
    },
    { kernel: "armv6l", preferred: "armel", aliases: ["armel", "arm"] },
    {
      kernel: "armv7l",
      preferred: "armhf",
      aliases: ["armhf", "armhfp", "armv7a_hardfp", "armv7", "armv7a_vfpv3_hardfp"],
    },
    { kernel: "armv8l", preferred: "armv8l", aliases: [] },
    { kernel: "aarch64", preferred: "arm64", aliases: ["arm64", "arm64_generic"] },
    { kernel: "ppc", preferred: "powerpc", aliases: ["powerpc"] },
    { kernel: "ppc64", preferred: "ppc64", aliases: ["powerpc64"] },
    { kernel: "ppc64le", preferred: "ppc64el", aliases: ["ppc64el"] },
    { kernel: "s390x", preferred: "s390x", aliases: [] },
    // Both projects take the little-endian names for the same two architectures; the kernel name says less, but no more.
    { kernel: "mips", preferred: "mips", aliases: ["mipsel"] },
    { kernel: "mips", preferred: "mips", aliases: ["mipsle"], group: "mipsle" },
    { kernel: "mips64", preferred: "mips64", aliases: ["mips64el"] },
    { kernel: "mips64", preferred: "mips64", aliases: ["mips64le"], group: "mipsle" },
    { kernel: "riscv32", preferred: "riscv32", aliases: [] },
    { kernel: "riscv64", preferred: "riscv64", aliases: [] },
    { kernel: "loongarch64", preferred: "loong64", aliases: ["loongarch64", "loong64"], group: "loongarch" },
  ];

interface Spelling {
  readonly kernel: string;
  readonly preferred: string;
  readonly group: ArchitectureGroup | undefined;
}

const spellings = new Map<string, Spelling>();
for (const { kernel, preferred, aliases, group } of table) {
  // The kernel name itself is no alias of a group, unless the group holds it.
  if (!spellings.has(kernel)) spellings.set(kernel, { kernel, preferred, group });
  for (const alias of aliases) spellings.set(alias, { kernel, preferred, group });
}

/** Architectures whose 32-bit programs a machine runs as well (architectureSupportedPersonalities, both projects). */
const personalities = new Map<string, readonly string[]>([
  ["x86_64", ["i686"]],
  ["armv7l", ["armv6l"]],
  ["armv8l", ["armv6l", "armv7l"]],
  ["aarch64", ["armv6l", "armv7l", "armv8l"]],
  ["ppc64", ["ppc"]],
  ["mips64", ["mips"]],
]);

/**
 * The kernel name (`x86_64`) of an architecture as an index spells it (`amd64`); undefined when the client does not
 * know it and skips the product. Case counts. For a family: what its newest version knows; for none: what either knows.
 *
 * @example
 * console.log(kernelArchitecture("amd64"), kernelArchitecture("amd64v3", "lxd"), kernelArchitecture("amd64v3", "incus"));
 * // x86_64 x86_64 undefined
 */
export function kernelArchitecture(arch: string, client?: ClientProfile | Family): string | undefined {
  const groups = groupsOf(client);
  const repeated = groups.includes("repeated");
  // Go's strings.Fields: the first word, where there is one.
  const name = repeated ? (/\S+/u.exec(arch)?.[0] ?? arch) : arch;
  const spelling = spellings.get(name);
  if (spelling === undefined) return undefined;
  const { group } = spelling;
  return group === undefined || groups.includes(group) ? spelling.kernel : undefined;
}

function groupsOf(client: ClientProfile | Family | undefined): readonly ArchitectureGroup[] {
  if (client === "incus") return ["x86-levels", "loongarch", "mipsle"];
  if (client === "lxd") return ["amd64v3", "repeated", "loongarch", "mipsle"];
  return client?.architectures ?? ["x86-levels", "amd64v3", "repeated", "loongarch", "mipsle"];
}

/** The spelling to write into an index: Debian's where there is one (`amd64`, `arm64`, `armhf`), as the public servers do. */
export function preferredArchitecture(arch: string): string | undefined {
  return spellings.get(arch)?.preferred;
}

/** Whether this is one of the spellings for machines that can more than others of their kernel name; those cannot run what is made for it. */
export function isForNewerMachines(arch: string): boolean {
  const group = spellings.get(arch)?.group;
  return group === "amd64v3" || group === "x86-levels";
}

/** Kernel names that a machine of this kernel name runs besides its own. */
export function personalitiesOf(kernel: string): readonly string[] {
  return personalities.get(kernel) ?? [];
}

/** All kernel names. */
export const kernelArchitectures: readonly string[] = [...new Set(table.map(({ kernel }) => kernel))];
