/** As the kernel calls them. */
export type SampleArchitecture = "x86_64" | "aarch64";

/** Where the file lies in memory: any place above the lowest pages does, this is the customary one. */
const LOAD_ADDRESS = 0x40_0000;
const FILE_HEADER = 64;
const PROGRAM_HEADER = 56;

/** `e_machine` of the ELF specification. */
const MACHINES = { x86_64: 62, aarch64: 183 } as const;

/**
 * Machine code as a static program: one file header, one program header, then the code, which starts at its first byte and may
 * hold its own constant data. The whole file is mapped, readable and executable, and nothing else is needed.
 */
export function elfProgram(architecture: SampleArchitecture, code: Uint8Array): Buffer {
  const start = FILE_HEADER + PROGRAM_HEADER;
  const elf = Buffer.alloc(start + code.length);
  elf.write("\x7fELF", 0, "latin1");
  elf.set([2, 1, 1], 4); // 64 bits, little-endian, version 1
  elf.writeUInt16LE(2, 16); // an executable at a fixed address
  elf.writeUInt16LE(MACHINES[architecture], 18);
  elf.writeUInt32LE(1, 20); // version
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS + start), 24); // first instruction
  elf.writeBigUInt64LE(BigInt(FILE_HEADER), 32); // place of the program header
  elf.writeUInt16LE(FILE_HEADER, 52);
  elf.writeUInt16LE(PROGRAM_HEADER, 54);
  elf.writeUInt16LE(1, 56); // one program header
  elf.writeUInt16LE(64, 58); // size of a section header; there are none

  elf.writeUInt32LE(1, FILE_HEADER); // to be loaded
  elf.writeUInt32LE(5, FILE_HEADER + 4); // readable, executable
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS), FILE_HEADER + 16); // virtual address
  elf.writeBigUInt64LE(BigInt(LOAD_ADDRESS), FILE_HEADER + 24); // physical address
  elf.writeBigUInt64LE(BigInt(elf.length), FILE_HEADER + 32); // bytes in the file
  elf.writeBigUInt64LE(BigInt(elf.length), FILE_HEADER + 40); // bytes in memory
  elf.writeBigUInt64LE(0x1_0000n, FILE_HEADER + 48); // alignment: the largest page of arm64
  elf.set(code, start);
  return elf;
}
