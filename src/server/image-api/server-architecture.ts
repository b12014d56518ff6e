import { arch, endianness } from "node:os";

/** Kernel names by what Node calls them. */
const KERNEL_NAMES: Readonly<Record<string, string>> = {
  arm: "armv7l",
  arm64: "aarch64",
  ia32: "i686",
  loong64: "loongarch64",
  ppc64: endianness() === "LE" ? "ppc64le" : "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x86_64",
};

/** Kernel name of this machine's architecture. */
export function serverArchitecture(): string {
  return KERNEL_NAMES[arch()] ?? "x86_64";
}
