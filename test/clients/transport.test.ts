import { createHash } from "node:crypto";
import { gzipSync, brotliCompressSync } from "node:zlib";
import { afterEach, describe, expect, inject, test } from "vitest";
import { openServerTree } from "../../src/explain/http/server-tree.ts";
import {
  documentFindings,
  fileFindings,
  fingerprintFindings,
  type TransportFinding,
} from "../../src/explain/transport.ts";
import { serverFindings } from "../../src/explain/transport-server.ts";
import { type TransportRule, transportRules } from "../../src/simplestreams/rules/transport-rules.ts";
import type { Rule } from "../../src/simplestreams/rules/rule.ts";
import { answering, type Handler, type Script, startScripted } from "../explain/scripted-server.ts";
import { selfSigned } from "../explain/self-signed.ts";
import { User } from "./user.ts";

const INDEX = "streams/v1/index.json";
const PRODUCTS = "streams/v1/images.json";
const META = "images/meta.tar.xz";
const ROOT = "images/root.tar.gz";
const FILES = { [META]: Buffer.alloc(600, "metadata"), [ROOT]: gzipSync(Buffer.alloc(5000, "root")) };
/** The versions that are installed. */
const PROFILE = { incus: "incus 6.0", lxd: "lxd 5.0" } as const;

const sha256 = (...pieces: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
};

const INDEX_TEXT = JSON.stringify({
  format: "index:1.0",
  index: {
    images: {
      datatype: "image-downloads",
      format: "products:1.0",
      path: PRODUCTS,
      products: ["demo:1:default:amd64"],
    },
  },
});
const productsText = (fingerprint: string) =>
  JSON.stringify({
    format: "products:1.0",
    products: {
      "demo:1:default:amd64": {
        aliases: "demo",
        arch: "amd64",
        os: "Demo",
        release: "1",
        variant: "default",
        versions: {
          "20260101_0000": {
            items: {
              incus: metadataItem("incus.tar.xz", fingerprint),
              lxd: metadataItem("lxd.tar.xz", fingerprint),
              root: {
                ftype: "root.tar.xz",
                path: ROOT,
                size: FILES[ROOT].length,
                sha256: sha256(FILES[ROOT]),
              },
            },
          },
        },
      },
    },
  });

const PRODUCTS_TEXT = productsText(sha256(FILES[META], FILES[ROOT]));

function metadataItem(ftype: string, combined: string): object {
  const meta = FILES[META];
  return { ftype, path: META, size: meta.length, sha256: sha256(meta), combined_sha256: combined };
}

const whole = (bytes: Uint8Array | string): Handler =>
  answering(200, { "Content-Length": Buffer.byteLength(bytes) }, bytes);
const HONEST: Readonly<Record<string, Handler>> = {
  [INDEX]: whole(INDEX_TEXT),
  [PRODUCTS]: whole(PRODUCTS_TEXT),
  [META]: whole(FILES[META]),
  [ROOT]: whole(FILES[ROOT]),
};

/** What differs from a server that is right. */
type Deviation = Omit<Script, "paths"> & {
  readonly paths?: Readonly<Record<string, Handler>> /** As in `user:password@`. */;
  readonly user?: string;
};

const protectedIndex: Handler = (request, response) => {
  const wanted = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  if (request.headers.authorization === wanted) response.end(INDEX_TEXT);
  else response.writeHead(401).end();
};
const gzip = (bytes: Uint8Array | string, name = "gzip"): Handler =>
  answering(200, { "Content-Encoding": name }, gzipSync(bytes));
const paths = (changed: Readonly<Record<string, Handler>>) => async (): Promise<Deviation> => ({
  paths: changed,
});
const certificate = (names: readonly string[], notAfter?: Date) => async (): Promise<Deviation> => ({
  certificate: await selfSigned(names, notAfter),
});

const DEVIATIONS: Readonly<Record<string, () => Promise<Deviation>>> = {
  "nothing is wrong": paths({}),
  "documents in gzip": paths({ [INDEX]: gzip(INDEX_TEXT), [PRODUCTS]: gzip(PRODUCTS_TEXT, "GZip") }),
  "an unknown encoding": paths({ [INDEX]: answering(200, { "Content-Encoding": "utf-8" }, INDEX_TEXT) }),
  "x-gzip": paths({ [INDEX]: gzip(INDEX_TEXT, "x-gzip") }),
  "a damaged gzip": paths({
    [INDEX]: answering(200, { "Content-Encoding": "gzip" }, gzipSync(INDEX_TEXT).subarray(0, -4)),
  }),
  br: paths({ [INDEX]: answering(200, { "Content-Encoding": "br" }, brotliCompressSync(INDEX_TEXT)) }),
  "206": paths({ [INDEX]: answering(206, {}, INDEX_TEXT) }),
  "204": paths({ [PRODUCTS]: answering(204) }),
  "a page": paths({ [PRODUCTS]: answering(200, {}, "<html></html>") }),
  "no byte": paths({ [INDEX]: answering(200) }),
  "an index that is cut short": paths({
    [INDEX]: (_, response) => {
      response.writeHead(200, { "Content-Length": 9999 }).write(INDEX_TEXT, () => response.destroy());
    },
  }),
  "a redirect without a place": paths({ [INDEX]: answering(302) }),
  "a redirect to what is no web": paths({ [INDEX]: answering(302, { Location: "ftp://127.0.0.1/x" }) }),
  "a redirect that is a path": paths({
    [INDEX]: answering(301, { Location: "/elsewhere" }),
    elsewhere: whole(INDEX_TEXT),
  }),
  "a products file that is missing": paths({ [PRODUCTS]: answering(404) }),
  "documents that may be kept for a day": paths({
    [INDEX]: answering(200, { "Cache-Control": "max-age=86400" }, INDEX_TEXT),
  }),
  "a file that is missing": paths({ [ROOT]: answering(404) }),
  "a file as 206": paths({ [META]: answering(206, {}, FILES[META]) }),
  "a file without a length": paths({ [ROOT]: answering(200, {}, FILES[ROOT]) }),
  "a file that the server says is gzipped": paths({
    [ROOT]: answering(200, { "Content-Encoding": "gzip", "Content-Length": FILES[ROOT].length }, FILES[ROOT]),
  }),
  "a file that is gzipped on the way": paths({ [META]: gzip(FILES[META]) }),
  "another file": paths({ [META]: whole(Buffer.alloc(600, "other")) }),
  "a longer file": paths({ [META]: whole(Buffer.alloc(700, "metadata")) }),
  "a fingerprint of something else": paths({ [PRODUCTS]: whole(productsText("1".repeat(64))) }),
  "plain HTTP with 404": async () => ({ plain: answering(404) }),
  "plain HTTP with the files": async () => ({
    plain: (request, response) => HONEST[request.url?.slice(1) ?? ""]?.(request, response),
  }),
  "plain HTTP with a short page": async () => ({ plain: answering(200, {}, "hello") }),
  "plain HTTP with a long page": async () => ({ plain: answering(200, {}, "hello".repeat(2000)) }),
  "plain HTTP with a redirect to https": async () => ({
    plain: (request, response) => {
      response.writeHead(308, { Location: `https://${request.headers.host}${request.url}` }).end();
    },
  }),
  "a redirect to a server that nobody knows": async () => {
    const other = await startScripted({ paths: HONEST });
    closing.push(() => other.close());
    return { paths: { [META]: answering(302, { Location: `${other.url}/${META}` }) } };
  },
  "a redirect to a server in clear": async () => {
    const other = await startScripted({ isPlain: true, paths: HONEST });
    closing.push(() => other.close());
    return { paths: { [INDEX]: answering(302, { Location: `${other.url}/${INDEX}` }) } };
  },
  "a redirect from https that nine others follow": paths({
    [INDEX]: answering(302, { Location: "/1" }),
    ...Object.fromEntries(
      Array.from({ length: 8 }, (_, at) => [`${at + 1}`, answering(302, { Location: `/${at + 2}` })]),
    ),
    "9": whole(INDEX_TEXT),
  }),
  "a password": async () => ({ user: "me:p%40ss@", paths: { [INDEX]: protectedIndex } }),
  "no password": paths({ [INDEX]: protectedIndex }),
  "a password, and a redirect that is a path": async () => ({
    user: "me:p%40ss@",
    paths: { [INDEX]: answering(302, { Location: "/index" }), index: protectedIndex },
  }),
  "a password, and a redirect that is an address": async () => ({
    user: "me:p%40ss@",
    paths: {
      [INDEX]: ({ headers }, response) => {
        response.writeHead(302, { Location: `https://${headers.host}/index` }).end();
      },
      index: protectedIndex,
    },
  }),
  "TLS 1.2": async () => ({ tls: { maxVersion: "TLSv1.2" } }),
  "a certificate with a DNS name": certificate(["images.example"]),
  "a certificate with the address": certificate(["127.0.0.1"]),
  "a certificate with another address": certificate(["10.0.0.1"]),
  "a certificate without names": certificate([]),
  "a certificate of last year": certificate(["127.0.0.1"], new Date(Date.now() - 1000)),
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.skipIf(inject("daemons") === undefined)("what is said about a server is what the clients do", () => {
  test.each(Object.entries(DEVIATIONS))("%s", async (_, deviate) => {
    const deviation = await deviate();
    const server = await startScripted({ ...deviation, paths: { ...HONEST, ...deviation.paths } });
    closing.push(() => server.close());
    const url = server.url.replace("//", `//${deviation.user ?? ""}`);
    const found = await explained(url, server.cert);
    for (const family of ["incus", "lxd"] as const) {
      const user = await User.create(family);
      await user.addRemote("hw", url, server.cert);
      const { status, stderr } = await user.attempt("image", "export", "hw:demo", `${user.home}/`);
      const errors = found.filter(({ rule }) => isErrorFor(rule, PROFILE[family]));
      const told = errors.map(({ rule }) => rule).join(", ");
      expect(status === 0, `${family}: ${stderr === "" ? "works" : stderr}; told: ${told}`).toBe(told === "");
    }
  });
});

function isErrorFor(id: TransportRule, profile: string): boolean {
  const rule: Rule = transportRules[id];
  return rule.level === "error" && rule.readers.includes(profile);
}

async function explained(url: string, ca: string): Promise<readonly TransportFinding[]> {
  const tree = openServerTree({ url, ca, userAgent: "a test" });
  closing.push(() => tree.close());
  const found: TransportFinding[] = [];
  const combined = createHash("sha256");
  let text = "";
  for (const path of [INDEX, PRODUCTS]) {
    const answer = await tree.document(path);
    found.push(...documentFindings(answer));
    text = answer.kind === "there" ? Buffer.from(answer.bytes).toString() : "";
  }
  for (const [path, bytes] of Object.entries(FILES)) {
    const hash = createHash("sha256");
    const read = (piece: Uint8Array): void => {
      hash.update(piece);
      combined.update(piece);
    };
    const answer = await tree.file(path, { read, most: bytes.length });
    const listed = { path, size: bytes.length, sha256: sha256(bytes) };
    found.push(...fileFindings({ answer, ...listed, found: hash.digest("hex") }));
  }
  const listed = /"combined_sha256":"(\w+)"/.exec(text)?.[1];
  // Of files that are as listed; what is wrong with others was said.
  if (listed !== undefined && found.length === 0) {
    found.push(...fingerprintFindings(META, listed, combined.digest("hex")));
  }
  const facts = await tree.server({ file: { path: META, size: FILES[META].length } });
  return facts === undefined ? found : [...found, ...serverFindings(facts)];
}
