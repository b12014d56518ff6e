import { createHash, randomFillSync } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { startNginx } from "./servers.mjs";

/** A self-signed certificate for localhost: file with certificate and key for nginx, and the certificate alone. */
export function makeCertificate(folder) {
  const [key, pem, both] = ["key.pem", "ca.pem", "both.pem"].map((name) => join(folder, name));
  const what =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost".split(
      " ",
    );
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", [...what, ...names, "-keyout", key, "-out", pem], { stdio: "ignore" });
  writeFileSync(both, `${readFileSync(pem, "utf8")}${readFileSync(key, "utf8")}`, { mode: 0o600 });
  return { both, pem };
}

/** An upstream in a folder: `count` versions of one product, each with metadata and a squashfs of `bytes` random bytes. Returns the paths of the roots. */
export function makeTree(folder, { count, bytes }) {
  const versions = {};
  const roots = [];
  for (let number = 0; number < count; number++) {
    const version = `202601${String(number + 1).padStart(2, "0")}_0000`;
    const base = `images/bench/1/amd64/default/${version}`;
    mkdirSync(join(folder, base), { recursive: true });
    const metadata = Buffer.from(`metadata ${number} ${Math.random()}`);
    writeFileSync(join(folder, base, "incus.tar.xz"), metadata);
    const combined = createHash("sha256").update(metadata);
    const sha256 = writeRandom(join(folder, base, "root.squashfs"), bytes, combined);
    roots.push(`${base}/root.squashfs`);
    const described = {
      path: `${base}/incus.tar.xz`,
      sha256: createHash("sha256").update(metadata).digest("hex"),
      size: metadata.length,
      combined_squashfs_sha256: combined.digest("hex"),
    };
    versions[version] = {
      items: {
        "incus.tar.xz": { ftype: "incus.tar.xz", ...described },
        "root.squashfs": { ftype: "squashfs", path: `${base}/root.squashfs`, sha256, size: bytes },
      },
    };
  }
  writeDocuments(folder, { "bench:1:amd64:default": product("bench", versions) });
  return roots;
}

/** Lists only: `products` times `each` versions whose files exist on paper. */
export function makeLists(folder, { products, each }) {
  const all = {};
  for (let number = 0; number < products; number++) {
    const versions = {};
    for (let build = 0; build < each; build++) {
      const hash = (what) => createHash("sha256").update(`${what} ${number} ${build}`).digest("hex");
      const base = `images/bench/${number}/amd64/default/${build}`;
      const version = `2026${String((build % 12) + 1).padStart(2, "0")}${String(Math.floor(build / 12) + 1).padStart(2, "0")}_0000`;
      versions[version] = {
        items: {
          "incus.tar.xz": {
            ftype: "incus.tar.xz",
            path: `${base}/incus.tar.xz`,
            sha256: hash("metadata"),
            size: 500,
            combined_squashfs_sha256: hash("image"),
          },
          "root.squashfs": {
            ftype: "squashfs",
            path: `${base}/root.squashfs`,
            sha256: hash("root"),
            size: 100_000_000,
          },
        },
      };
    }
    all[`bench:${number}:amd64:default`] = product(String(number), versions);
  }
  writeDocuments(folder, all);
}

function product(release, versions) {
  return {
    aliases: `bench/${release}`,
    arch: "amd64",
    os: "bench",
    release,
    release_title: release,
    variant: "default",
    versions,
  };
}

function writeDocuments(folder, products) {
  mkdirSync(join(folder, "streams/v1"), { recursive: true });
  const entry = { datatype: "image-downloads", format: "products:1.0", path: "streams/v1/images.json" };
  const index = { format: "index:1.0", index: { images: { ...entry, products: Object.keys(products) } } };
  writeFileSync(join(folder, "streams/v1/index.json"), JSON.stringify(index));
  const { datatype, format } = entry;
  writeFileSync(
    join(folder, "streams/v1/images.json"),
    JSON.stringify({ content_id: "images", datatype, format, products }),
  );
}

function writeRandom(path, size, combined) {
  const own = createHash("sha256");
  const chunk = Buffer.alloc(8 * 1024 * 1024);
  const file = openSync(path, "w");
  for (let written = 0; written < size; written += chunk.length) {
    randomFillSync(chunk);
    const part = chunk.subarray(0, Math.min(chunk.length, size - written));
    own.update(part);
    combined.update(part);
    writeSync(file, part);
  }
  closeSync(file);
  return own.digest("hex");
}

/** nginx serving the tree over TLS, with a log of the bytes it sent. */
export async function startUpstream({ folder, root, tls, plain }) {
  const { both, pem } = makeCertificate(folder);
  const log = join(folder, "access.log");
  writeFileSync(log, "");
  const nginx = await startNginx({ folder, root, certificate: both, tls, plain, log });
  return {
    ...nginx,
    pem,
    url: `https://localhost:${tls}`,
    forget: () => truncateSync(log),
    /** Requests since the last `forget`: path, status, bytes of the body. */
    requests: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [path, status, bytes] = line.split(" ");
          return { path, status: Number(status), bytes: Number(bytes) };
        }),
  };
}
