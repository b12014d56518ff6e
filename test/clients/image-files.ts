import {
  chmod,
  copyFile,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { attempt, run } from "./program.ts";

/** What a metadata.yaml says, as far as the tests vary it. */
export interface Metadata {
  readonly os: string;
  readonly release: string;
  readonly variant?: string;
  readonly description?: string;
  /** Further properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Unix seconds. */
  readonly creationDate?: number;
}

/** The architecture of this machine: containers are launched on it. */
export const ARCHITECTURE =
  process.arch === "arm64" ? { kernel: "aarch64", debian: "arm64" } : { kernel: "x86_64", debian: "amd64" };

export function metadataYaml(metadata: Metadata): string {
  const properties = {
    os: metadata.os,
    release: metadata.release,
    variant: metadata.variant ?? "default",
    architecture: ARCHITECTURE.debian,
    description: metadata.description ?? `${metadata.os} ${metadata.release}`,
    ...metadata.properties,
  };
  return [
    `architecture: ${ARCHITECTURE.kernel}`,
    `creation_date: ${metadata.creationDate ?? 1_700_000_000}`,
    "properties:",
    ...Object.entries(properties).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
    "",
  ].join("\n");
}

/** A metadata tarball, xz as every tool writes it. */
export async function metadataTarball(folder: string, metadata: Metadata): Promise<string> {
  const source = join(folder, "metadata-source");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "metadata.yaml"), metadataYaml(metadata));
  const file = join(folder, "metadata.tar.xz");
  await tar(["--xz", "--create", "--file", file, "--directory", source, "metadata.yaml"]);
  return file;
}

/** `init` of a container that only has to stay: no service manager, and so it ends by force only. */
const IDLE_INIT = "#!/bin/sh\nexec sleep infinity\n";

const APPLETS = ["sh", "cat", "echo", "hostname", "ls", "ps", "sleep", "true", "uname"];

/**
 * A root file system of about 2 MB that a container starts from: busybox and what it needs. `/etc/marker` holds the
 * given text, so that a test knows exactly which build runs.
 */
export async function busyboxRoot(folder: string, marker: string): Promise<string> {
  const root = join(folder, "root");
  for (const name of ["bin", "sbin", "etc", "dev", "proc", "sys", "tmp", "root", "run", "var", "usr/bin"]) {
    await mkdir(join(root, name), { recursive: true });
  }
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  for (const applet of APPLETS) await symlink("busybox", join(root, "bin", applet));
  await writeFile(join(root, "sbin/init"), IDLE_INIT, { mode: 0o755 });
  await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(root, "etc/group"), "root:x:0:\n");
  await writeFile(join(root, "etc/marker"), `${marker}\n`);
  return root;
}

export async function squashfs(root: string, file: string, compression = "zstd"): Promise<string> {
  await run("mksquashfs", [
    root,
    file,
    "-all-root",
    "-noappend",
    "-comp",
    compression,
    "-quiet",
    "-no-progress",
  ]);
  return file;
}

/** A root as a tarball; the ending of the name chooses the compression. */
export async function rootTarball(root: string, file: string): Promise<string> {
  await tar(["--auto-compress", "--create", "--file", file, "--directory", root, "."]);
  return file;
}

/** A qcow2 disk that no machine boots from, with `megabytes` of virtual size and some real content. */
export async function qcow2(folder: string, megabytes = 8): Promise<string> {
  const raw = join(folder, "disk.raw");
  const content = Buffer.alloc(megabytes * 1024 * 1024);
  for (let offset = 0; offset < content.length / 4; offset += 8)
    content.writeDoubleLE(Math.sqrt(offset), offset);
  await writeFile(raw, content);
  const file = join(folder, "disk.qcow2");
  await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, file]);
  await rm(raw);
  return file;
}

/** `metadata.yaml` and `rootfs/` in one gzipped tarball. */
export async function unifiedContainer(folder: string, root: string, metadata: Metadata): Promise<string> {
  await writeFile(join(folder, "metadata.yaml"), metadataYaml(metadata));
  const file = join(folder, "unified-container.tar.gz");
  const name = root.slice(dirname(root).length + 1);
  await tar([
    "--gzip",
    "--create",
    "--file",
    file,
    "--transform",
    `s,^${name},rootfs,SH`,
    "--directory",
    folder,
    "metadata.yaml",
    "--directory",
    dirname(root),
    name,
  ]);
  return file;
}

/** `metadata.yaml` and `rootfs.img` in one gzipped tarball. */
export async function unifiedVm(folder: string, disk: string, metadata: Metadata): Promise<string> {
  await writeFile(join(folder, "metadata.yaml"), metadataYaml(metadata));
  await copyFile(disk, join(folder, "rootfs.img"));
  const file = join(folder, "unified-vm.tar.gz");
  await tar(["--gzip", "--create", "--file", file, "--directory", folder, "metadata.yaml", "rootfs.img"]);
  return file;
}

function tar(args: readonly string[]): Promise<string> {
  return run("tar", ["--owner=0", "--group=0", "--numeric-owner", ...args]);
}

/**
 * A Debian root made by debootstrap, as a squashfs, kept between runs in `cache` since making it takes half a minute and
 * the network. The mirror is the one this machine's own packages come from; its address is never printed.
 */
export async function debootstrapSquashfs(cache: string): Promise<string> {
  const file = join(cache, `debian-bookworm-${ARCHITECTURE.debian}.squashfs`);
  if ((await stat(file).catch(() => undefined)) !== undefined) return file;
  await mkdir(cache, { recursive: true });
  const root = join(cache, `debian-bookworm-${process.pid}`);
  try {
    await debootstrap(root);
    await writeFile(join(root, "sbin/init"), IDLE_INIT, { mode: 0o755 });
    await squashfs(root, `${file}.${process.pid}`);
    await rename(`${file}.${process.pid}`, file);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return file;
}

async function debootstrap(root: string): Promise<void> {
  const outcome = await attempt(
    "debootstrap",
    ["--variant=minbase", "bookworm", root, await debianMirror()],
    {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      timeoutMs: 500_000,
    },
  );
  if (outcome.status !== 0) {
    const tail = `${outcome.stderr}${outcome.stdout}`.split("\n").slice(-20).join("\n");
    throw new Error(`debootstrap failed:\n${tail.replaceAll(/https?:\/\/\S+/g, "<mirror>")}`);
  }
}

async function debianMirror(): Promise<string> {
  const folder = "/etc/apt/sources.list.d";
  const names = (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
  for (const file of [...names, "/etc/apt/sources.list"]) {
    const text = await readFile(file, "utf8").catch(() => "");
    for (const entry of text.split(/\n\s*\n/)) {
      const uri = /^URIs:\s*(\S+)/m.exec(entry);
      if (uri?.[1] !== undefined && /^Suites:.*\bbookworm(\s|$)/m.test(entry)) return uri[1];
    }
    const line = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+bookworm\s/m.exec(text);
    if (line?.[1] !== undefined) return line[1];
  }
  throw new Error("no Debian source entry for bookworm on this machine");
}
