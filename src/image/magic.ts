/** What the first bytes of a file say it is. */
export type Magic =
  | Compressed
  | "tar"
  | "squashfs"
  | "qcow2"
  | "lz4"
  | "iso"
  | "vmdk"
  | "vdi"
  | "vhd"
  | "vhdx"
  | "disk"
  | "unknown";

/** Compressions that both Incus and LXD unpack. */
export type Compressed = "gzip" | "xz" | "lzma" | "zstd" | "bzip2";

/** How much of the start of a file `magicOf` wants to see; an ISO 9660 volume names itself only after 32 KiB. */
export const MAGIC_BYTES = 33 * 1024;

type Signature = readonly [magic: Magic, offset: number, bytes: readonly number[]];

const ascii = (text: string): number[] => [...Buffer.from(text, "latin1")];

/**
 * The first block is what the daemons look for, with the same bytes at the same places (shared/archive detection in
 * Incus and LXD): a file that they would not recognise must not be recognised here either. The second block only
 * serves better messages. Order matters: an ISO is often a bootable disk too.
 */
const SIGNATURES: readonly Signature[] = [
  ["gzip", 0, [0x1f, 0x8b]],
  ["bzip2", 0, ascii("BZh")],
  ["xz", 0, [0xfd, ...ascii("7zXZ"), 0]],
  ["lzma", 0, [0x5d, 0, 0]],
  ["zstd", 0, [0x28, 0xb5, 0x2f, 0xfd]],
  ["lz4", 0, [0x04, 0x22, 0x4d, 0x18]],
  ["qcow2", 0, [...ascii("QFI"), 0xfb]],
  ["squashfs", 0, ascii("hsqs")],
  ["tar", 257, ascii("ustar")],

  ["vmdk", 0, ascii("KDMV")],
  ["vmdk", 0, ascii("# Disk DescriptorFile")],
  ["vdi", 64, [0x7f, 0x10, 0xda, 0xbe]],
  ["vhdx", 0, ascii("vhdxfile")],
  ["vhd", 0, ascii("conectix")],
  ["iso", 32_769, ascii("CD001")],
  ["disk", 512, ascii("EFI PART")],
  ["disk", 510, [0x55, 0xaa]],
];

/** Tells what a file is from its first `MAGIC_BYTES` bytes (fewer when the file is shorter), never from its name. */
export function magicOf(head: Uint8Array): Magic {
  for (const [magic, offset, bytes] of SIGNATURES) {
    if (bytes.every((byte, index) => head[offset + index] === byte)) return magic;
  }
  return "unknown";
}

/** Whether these bytes have to go through a decompressor. */
export function isCompressed(magic: Magic): magic is Compressed {
  return magic === "gzip" || magic === "xz" || magic === "lzma" || magic === "zstd" || magic === "bzip2";
}
