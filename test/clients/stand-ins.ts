import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { ARCHITECTURE, busyboxRoot, metadataTarball, qcow2, rootTarball, squashfs } from "./image-files.ts";
import { sha256OfFiles } from "./sample-images.ts";

/** A folder in the shape of a public image server, with real images small enough to launch, and its documents. */
export interface StandIn {
  readonly folder: string;
  readonly documents: Map<string, unknown>;
  /** Paths of the files of the images that can be launched. */
  readonly paths: readonly string[];
  /** Fingerprints by root ftype. */
  readonly fingerprints: Readonly<Record<string, string>>;
}

const UPDATED = "Mon, 23 Nov 2026 10:00:00 +0000";

/**
 * In the shape of cloud-images.ubuntu.com/releases: one product whose files are real, `others` with made-up hashes, all fields of that
 * server, no metadata for Incus, no variant, and a products file for a cloud beside it.
 */
export async function ubuntuStandIn(folder: string, others = 0): Promise<StandIn> {
  const version = "20261120";
  const base = `server/releases/noble/release-${version}`;
  const name = `ubuntu-24.04-server-cloudimg-${ARCHITECTURE.debian}`;
  await mkdir(join(folder, base), { recursive: true });
  const root = await busyboxRoot(folder, "noble");
  const files = {
    "lxd.tar.xz": `${name}-lxd.tar.xz`,
    squashfs: `${name}.squashfs`,
    "root.tar.xz": `${name}-root.tar.xz`,
    "disk1.img": `${name}.img`,
  };
  const at = (ftype: keyof typeof files): string => join(folder, base, files[ftype]);
  await rename(await metadataTarball(folder, { os: "ubuntu", release: "noble" }), at("lxd.tar.xz"));
  await squashfs(root, at("squashfs"));
  await rootTarball(root, at("root.tar.xz"));
  await rename(await qcow2(folder), at("disk1.img"));
  const combined = async (ftype: keyof typeof files): Promise<string> =>
    sha256OfFiles([at("lxd.tar.xz"), at(ftype)]);
  const fingerprints = {
    squashfs: await combined("squashfs"),
    "root.tar.xz": await combined("root.tar.xz"),
    "disk1.img": await combined("disk1.img"),
  };
  const items: Record<string, object> = {};
  for (const [ftype, file] of Object.entries(files))
    items[ftype] = await item(folder, `${base}/${file}`, ftype);
  items["lxd.tar.xz"] = {
    ...items["lxd.tar.xz"],
    combined_sha256: fingerprints["root.tar.xz"],
    combined_rootxz_sha256: fingerprints["root.tar.xz"],
    combined_squashfs_sha256: fingerprints.squashfs,
    "combined_disk1-img_sha256": fingerprints["disk1.img"],
  };
  const products: Record<string, object> = {
    [`com.ubuntu.cloud:server:24.04:${ARCHITECTURE.debian}`]: {
      aliases: "24.04,n,noble,default,lts,ubuntu",
      arch: ARCHITECTURE.debian,
      os: "ubuntu",
      release: "noble",
      release_codename: "Noble Numbat",
      release_title: "24.04 LTS",
      support_eol: "2029-05-31",
      support_esm_eol: "2034-04-25",
      supported: true,
      version: "24.04",
      versions: {
        [version]: {
          label: "release",
          pubname: `ubuntu-noble-24.04-${ARCHITECTURE.debian}-server-${version}`,
          items,
        },
      },
    },
  };
  for (let number = 0; number < others; number++)
    products[`com.ubuntu.cloud:server:${number}:arm64`] = otherProduct(number);
  const path = "streams/v1/com.ubuntu.cloud:released:download.json";
  const cloud = "streams/v1/com.ubuntu.cloud:released:aws.json";
  const head = {
    content_id: "com.ubuntu.cloud:released:download",
    datatype: "image-downloads",
    format: "products:1.0",
    updated: UPDATED,
  };
  const documents = new Map<string, unknown>([
    [
      "streams/v1/index.json",
      {
        format: "index:1.0",
        updated: UPDATED,
        index: {
          "com.ubuntu.cloud:released:download": {
            ...head,
            path,
            products: Object.keys(products),
            content_id: undefined,
          },
          "com.ubuntu.cloud:released:aws": {
            datatype: "image-ids",
            format: "products:1.0",
            path: cloud,
            products: ["com.ubuntu.cloud:server:24.04:amd64"],
            updated: UPDATED,
            clouds: [{ region: "us-east-1", endpoint: "https://ec2.us-east-1.example" }],
            cloudname: "aws",
          },
        },
      },
    ],
    [path, { ...head, license: "http://www.canonical.com/intellectual-property-policy", products }],
    [
      cloud,
      {
        content_id: "com.ubuntu.cloud:released:aws",
        datatype: "image-ids",
        format: "products:1.0",
        updated: UPDATED,
        products: {
          "com.ubuntu.cloud:server:24.04:amd64": {
            arch: "amd64",
            versions: { [version]: { items: { usee1: { id: "ami-1", region: "us-east-1", virt: "hvm" } } } },
          },
        },
      },
    ],
  ]);
  return { folder, documents, paths: Object.values(files).map((file) => `${base}/${file}`), fingerprints };
}

/** In the shape of images.linuxcontainers.org: both dialects share one file, versions have a colon in them. One product with one version. */
export async function linuxcontainersStandIn(
  folder: string,
  {
    version = "20261121_07:42",
    marker = "bookworm",
  }: { readonly version?: string; readonly marker?: string } = {},
): Promise<StandIn> {
  const base = `images/debian/bookworm/${ARCHITECTURE.debian}/default/${version}`;
  await mkdir(join(folder, base), { recursive: true });
  const metadata = join(folder, base, "incus.tar.xz");
  const root = join(folder, base, "rootfs.squashfs");
  await rename(await metadataTarball(folder, { os: "Debian", release: "bookworm" }), metadata);
  await squashfs(await busyboxRoot(join(folder, `root of ${marker}`), marker), root);
  const fingerprint = await sha256OfFiles([metadata, root]);
  const described = {
    ...(await item(folder, `${base}/incus.tar.xz`, "incus.tar.xz")),
    combined_squashfs_sha256: fingerprint,
  };
  const products = {
    [`debian:bookworm:${ARCHITECTURE.debian}:default`]: {
      aliases: "debian/12/default,debian/12,debian/bookworm/default,debian/bookworm",
      arch: ARCHITECTURE.debian,
      os: "Debian",
      release: "bookworm",
      release_title: "bookworm",
      variant: "default",
      requirements: {},
      versions: {
        [version]: {
          items: {
            "incus.tar.xz": described,
            "lxd.tar.xz": { ...described, ftype: "lxd.tar.xz" },
            "root.squashfs": await item(folder, `${base}/rootfs.squashfs`, "squashfs"),
          },
        },
      },
    },
  };
  const documents = new Map<string, unknown>([
    [
      "streams/v1/index.json",
      {
        format: "index:1.0",
        index: {
          images: {
            datatype: "image-downloads",
            path: "streams/v1/images.json",
            format: "products:1.0",
            products: Object.keys(products),
          },
        },
      },
    ],
    [
      "streams/v1/images.json",
      { content_id: "images", datatype: "image-downloads", format: "products:1.0", products },
    ],
  ]);
  return {
    folder,
    documents,
    paths: [`${base}/incus.tar.xz`, `${base}/rootfs.squashfs`],
    fingerprints: { squashfs: fingerprint },
  };
}

async function item(folder: string, path: string, ftype: string): Promise<Record<string, unknown>> {
  const bytes = await readFile(join(folder, path));
  const { size } = await stat(join(folder, path));
  const md5 = createHash("md5").update(bytes).digest("hex");
  return { ftype, md5, path, sha256: createHash("sha256").update(bytes).digest("hex"), size };
}

/** A product whose files exist on paper only: for lists of the real length. */
function otherProduct(number: number): object {
  const hash = (what: string): string => createHash("sha256").update(`${what} ${number}`).digest("hex");
  const base = `server/releases/r${number}/release-20261101`;
  return {
    aliases: `other/${number}`,
    arch: "arm64",
    os: "ubuntu",
    release: `r${number}`,
    release_title: `R ${number}`,
    supported: true,
    version: String(number),
    versions: {
      "20261101": {
        label: "release",
        items: {
          "lxd.tar.xz": {
            ftype: "lxd.tar.xz",
            path: `${base}/lxd.tar.xz`,
            sha256: hash("metadata"),
            size: 400,
            combined_squashfs_sha256: hash("fingerprint"),
          },
          squashfs: { ftype: "squashfs", path: `${base}/root.squashfs`, sha256: hash("root"), size: 4000 },
          manifest: { ftype: "manifest", path: `${base}/manifest`, sha256: hash("manifest"), size: 40 },
        },
      },
    },
  };
}
