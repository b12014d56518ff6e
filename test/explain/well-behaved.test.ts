import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { openServerTree } from "../../src/explain/http/server-tree.ts";
import { documentFindings, fileFindings, type TransportFinding } from "../../src/explain/transport.ts";
import { serverFindings } from "../../src/explain/transport-server.ts";
import type { TransportRule } from "../../src/simplestreams/rules/transport-rules.ts";
import { publish, startSite, until } from "../server/site.ts";
import { makeAuthority } from "../upstream/authority.ts";
import { answering, startScripted } from "./scripted-server.ts";
import { selfSigned } from "./self-signed.ts";

const INDEX = "streams/v1/index.json";
const PRODUCTS = "streams/v1/images.json";
const META = "debian/meta.tar.xz";
const ROOT = "debian/root.squashfs";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Everything that `explain` would ask, and all that is found. */
async function explained(
  url: string,
  files: Readonly<Record<string, Uint8Array>>,
  ca?: string,
): Promise<readonly TransportFinding[]> {
  const tree = openServerTree({ url, ca, userAgent: "a test" });
  closing.push(() => tree.close());
  const found: TransportFinding[] = [];
  for (const path of [INDEX, PRODUCTS]) {
    const answer = await tree.document(path);
    expect(answer.kind).toBe("there");
    found.push(...documentFindings(answer));
  }
  for (const [path, bytes] of Object.entries(files)) {
    const listed = { path, size: bytes.byteLength, sha256: sha256(bytes) };
    found.push(...fileFindings({ answer: await tree.file(path), ...listed }));
    found.push(...fileFindings({ answer: await tree.file(path), ...listed }));
    const hash = createHash("sha256");
    const read = (piece: Uint8Array): void => void hash.update(piece);
    const answer = await tree.file(path, { read, most: bytes.byteLength });
    found.push(...fileFindings({ answer, ...listed, found: hash.digest("hex") }));
  }
  const [path = META] = Object.keys(files);
  const facts = await tree.server({ file: { path, size: files[path]?.byteLength } });
  if (facts !== undefined) found.push(...serverFindings(facts));
  return found;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function rulesOf(found: readonly TransportFinding[]): TransportRule[] {
  return found.map(({ rule }) => rule);
}

const FILES = { [META]: Buffer.from("metadata"), [ROOT]: Buffer.alloc(300_000, "root") };
const DOCUMENTS = { [INDEX]: '{"index":{}}', [PRODUCTS]: `{"products":{${" ".repeat(300_000)}}}` };

describe("nothing but what has to be pinned is said about", () => {
  it("Headwater's own server", async () => {
    const site = await startSite({ plain: "all" });
    closing.push(() => site.close());
    await publish(site.store, FILES);
    await until(() => site.server.counters.generation === 1);
    const url = `https://127.0.0.1:${site.port}/images`;
    expect(rulesOf(await explained(url, FILES))).toEqual(["certificate-untrusted"]);
    expect(await explained(url, FILES, site.ca)).toEqual([]);
  });

  it("Headwater's own server that sends no file in clear", async () => {
    const site = await startSite();
    closing.push(() => site.close());
    await publish(site.store, FILES);
    await until(() => site.server.counters.generation === 1);
    expect(await explained(`https://127.0.0.1:${site.port}/images/`, FILES, site.ca)).toEqual([]);
  });

  it("a public server behind a content network, which redirects files to other hosts and port 80 to https", async () => {
    const authority = await makeAuthority();
    const certificate = await authority.issue(["127.0.0.1"]);
    const store = await startScripted({
      certificate,
      paths: { [META]: answering(200, { "Content-Length": 8 }, FILES[META]) },
    });
    closing.push(() => store.close());
    const cached = (text: string) =>
      answering(
        200,
        {
          "Cache-Control": "public, max-age=300, s-maxage=3600",
          "Content-Encoding": "gzip",
          Age: 250,
          Via: "1.1 varnish",
          Date: new Date().toUTCString(),
          Expires: new Date(Date.now() + 300_000).toUTCString(),
        },
        gzipSync(text),
      );
    const front = await startScripted({
      certificate,
      plain: (request, response) => {
        response.writeHead(301, { Location: `https://${request.headers.host}${request.url}` }).end();
      },
      paths: {
        [INDEX]: cached(DOCUMENTS[INDEX]),
        [PRODUCTS]: cached(DOCUMENTS[PRODUCTS]),
        [META]: answering(302, { Location: `${store.url}/${META}?X-Signature=1` }),
        [ROOT]: answering(
          200,
          {
            "Content-Length": 300_000,
            "Cache-Control": "public, max-age=31536000, immutable",
            Age: 1_000_000,
          },
          FILES[ROOT],
        ),
      },
    });
    closing.push(() => front.close());
    expect(await explained(front.url, FILES, authority.ca)).toEqual([]);
  });

  it.skipIf(spawnSync("nginx", ["-v"]).error !== undefined)(
    "nginx with a self-signed certificate that has a DNS name",
    async () => {
      const { url, cert } = await startNginx();
      expect(rulesOf(await explained(url, FILES))).toEqual(["certificate-untrusted"]);
      expect(await explained(url, FILES, cert)).toEqual([]);
    },
  );
});

/** As somebody sets it up: files in a folder, gzip for JSON, its own certificate for another name than the address. */
async function startNginx(): Promise<{ url: string; cert: string }> {
  const folder = await mkdtemp(join(tmpdir(), "hw-nginx-"));
  closing.push(() => rm(folder, { recursive: true }));
  for (const [path, content] of Object.entries({ ...FILES, ...DOCUMENTS })) {
    await mkdir(join(folder, "root", dirname(path)), { recursive: true });
    await writeFile(join(folder, "root", path), content);
  }
  const pair = await selfSigned(["images.example"]);
  await writeFile(join(folder, "cert.pem"), pair.cert);
  await writeFile(join(folder, "key.pem"), pair.key);
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  await writeFile(
    join(folder, "nginx.conf"),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log; user root;
events {}
http {
  access_log off; ${temporary} default_type application/octet-stream;
  types { application/json json; }
  gzip on; gzip_types application/json;
  server {
    listen 127.0.0.1:${port} ssl; root ${folder}/root;
    ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
  }
}
`,
  );
  const child = spawn("nginx", [
    "-p",
    folder,
    "-e",
    join(folder, "error.log"),
    "-c",
    join(folder, "nginx.conf"),
  ]);
  const gone = once(child, "exit");
  closing.push(async () => {
    child.kill("SIGTERM");
    await gone;
  });
  while (!(await isOpen(port))) await new Promise((resolve) => setTimeout(resolve, 20));
  return { url: `https://127.0.0.1:${port}`, cert: pair.cert };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
