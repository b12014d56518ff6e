import { storedGzip } from "../stored-gzip.ts";
import { type NewMember, writeTar } from "../write-tar.ts";
import { elfProgram, type SampleArchitecture } from "./elf.ts";
import { initArm64, sayArm64 } from "./programs-arm64.ts";
import { initX8664, sayX8664 } from "./programs-x86-64.ts";

export type { SampleArchitecture } from "./elf.ts";

/** A split container image: a metadata tarball, and a root for an item of ftype `root.tar.xz`. Both are gzip inside. */
export interface SampleImage {
  readonly metadata: Buffer;
  readonly root: Buffer;
}

/** 2026-11-01 00:00 UTC. Raise it together with the serial when the sample changes. */
const BUILT = 1_793_491_200;
const SERIAL = "20261101_0000";

/** Debian's names, as image servers write them in properties. */
const DEBIAN_NAMES = { x86_64: "amd64", aarch64: "arm64" } as const;

const GREETING = "Hello from Headwater\n";

/**
 * A container image of a few kilobytes that Incus and LXD launch: an init that stops at once when asked to, and `hello` for
 * `exec`. It is made from nothing but this source, and its bytes are the same everywhere, so its fingerprint is too.
 */
export async function sampleImage(architecture: SampleArchitecture): Promise<SampleImage> {
  const metadata = [{ name: "metadata.yaml", mode: 0o644, content: Buffer.from(metadataYaml(architecture)) }];
  return {
    metadata: storedGzip(await writeTar(metadata, BUILT)),
    root: storedGzip(await writeTar(rootMembers(architecture), BUILT)),
  };
}

/** PID 1 of the sample, as an ELF file. */
export function sampleInit(architecture: SampleArchitecture): Buffer {
  return elfProgram(architecture, architecture === "x86_64" ? initX8664() : initArm64());
}

/** `hello` of the sample, as an ELF file. */
export function sampleHello(architecture: SampleArchitecture): Buffer {
  return elfProgram(architecture, architecture === "x86_64" ? sayX8664(GREETING) : sayArm64(GREETING));
}

function metadataYaml(architecture: SampleArchitecture): string {
  return `architecture: ${architecture}
creation_date: ${BUILT}
properties:
  os: Headwater
  release: demo
  variant: default
  architecture: ${DEBIAN_NAMES[architecture]}
  description: Headwater demo
  name: headwater-demo-${DEBIAN_NAMES[architecture]}
  serial: "${SERIAL}"
`;
}

/** What the daemons mount over or write into has to be there: dev, proc, sys, run, tmp, etc. */
function rootMembers(architecture: SampleArchitecture): NewMember[] {
  const folder = (name: string, mode = 0o755): NewMember => ({ name: `${name}/`, mode });
  const text = (name: string, content: string): NewMember => ({
    name,
    mode: 0o644,
    content: Buffer.from(content),
  });
  return [
    folder("bin"),
    { name: "bin/hello", mode: 0o755, content: sampleHello(architecture) },
    folder("dev"),
    folder("etc"),
    text("etc/group", "root:x:0:\n"),
    text("etc/hostname", "headwater-demo\n"),
    text("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    text("etc/os-release", 'ID=headwater-demo\nNAME="Headwater demo"\nPRETTY_NAME="Headwater demo"\n'),
    text("etc/passwd", "root:x:0:0:root:/root:/bin/hello\n"),
    folder("proc", 0o555),
    folder("root", 0o700),
    folder("run"),
    folder("sbin"),
    { name: "sbin/init", mode: 0o755, content: sampleInit(architecture) },
    folder("sys", 0o555),
    folder("tmp", 0o1777),
    folder("usr"),
    folder("var"),
  ];
}
