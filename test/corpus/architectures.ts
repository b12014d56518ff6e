import { type Deviation, type Edits, product, set, version } from "./deviation.ts";

function ofArch(arch: string): Edits {
  return [set.product("arch", arch)];
}

const UNKNOWN = "A product is skipped when its architecture is not in the client's table.";
const KNOWN = "A spelling that the client knows; it is kept as a property.";

/** Spellings of architectures. */
export const architectures: readonly Deviation[] = [
  { name: "the architecture all", about: UNKNOWN, edits: ofArch("all") },
  { name: "the architecture AMD64", about: UNKNOWN, edits: ofArch("AMD64") },
  { name: "an empty architecture", about: UNKNOWN, edits: ofArch("") },
  { name: "the architecture amd64 with a blank", about: UNKNOWN, edits: ofArch("amd64 ") },
  { name: "the architecture x64", about: UNKNOWN, edits: ofArch("x64") },
  { name: "the architecture amd64v3", about: "LXD from 6.7 knows it.", edits: ofArch("amd64v3") },
  { name: "the architecture x86_64_v3", about: "Incus from 6.18 knows it.", edits: ofArch("x86_64_v3") },
  {
    name: "the architecture x86_64 twice",
    about: "LXD from 6.7 takes the first word.",
    edits: ofArch("x86_64 x86_64"),
  },
  { name: "the architecture x86_64", about: KNOWN, edits: ofArch("x86_64") },
  { name: "the architecture generic_64", about: KNOWN, edits: ofArch("generic_64") },
  {
    name: "the architecture i386",
    about: "Of another machine: its aliases are shown with it only.",
    edits: ofArch("i386"),
  },
  {
    name: "the architecture arm64",
    about: "Of another machine: its aliases are shown with it only.",
    edits: ofArch("arm64"),
  },
  { name: "the architecture riscv64", about: KNOWN, edits: ofArch("riscv64") },
  { name: "the architecture loong64", about: "LXD 5.0.2 does not know it.", edits: ofArch("loong64") },
  { name: "the architecture mipsle", about: KNOWN, edits: ofArch("mipsle") },
  {
    name: "one machine under two names",
    about: "Both are x86_64, so they compete for the alias.",
    edits: [set.otherProduct("other", product({ arch: "x86_64", versions: { 20260102: version("4") } }))],
  },
  {
    name: "two architectures of one release",
    about: "They share their aliases.",
    edits: [set.otherProduct("other", product({ arch: "arm64", versions: { 20260101: version("4") } }))],
  },
];
