import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join, normalize } from "node:path";
import { freshPort } from "./fresh-port.ts";
import { run } from "./program.ts";
import { daemons } from "./user.ts";

/** A web server that knows nothing of images: what a client reads from it is exactly the given files. */
export interface StaticTree {
  readonly url: string;
  readonly pem: string;
  /** Paths asked for over TLS, in order. */
  readonly requests: readonly string[];
  /** The same as they were written, with double slashes and escapes. */
  readonly asWritten: readonly string[];
  close(): Promise<void>;
}

/**
 * Serves `documents` (path to JSON value) and, for any other path, the files below `folder`. With TLS 1.3 and a
 * self-signed certificate that has a DNS name, which both clients insist on.
 */
export async function serveTree(
  folder: string,
  documents: ReadonlyMap<string, unknown>,
): Promise<StaticTree> {
  const { key, pem } = await selfSigned();
  const requests: string[] = [];
  const asWritten: string[] = [];
  const server = createServer({ key, cert: pem, minVersion: "TLSv1.3" }, (request, response) => {
    const path = normalize(decodeURIComponent((request.url ?? "").split("?")[0] ?? ""));
    requests.push(path);
    asWritten.push(request.url ?? "");
    const document = documents.get(path.slice(1));
    const bytes =
      document === undefined
        ? readFile(join(folder, path))
        : Promise.resolve(Buffer.from(typeof document === "string" ? document : JSON.stringify(document)));
    bytes.then(
      (body) => response.writeHead(200, { "content-length": body.length }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  const port = await freshPort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${port}`,
    pem,
    requests,
    asWritten,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A certificate for 127.0.0.1, with the DNS name that both clients insist on, and its key. */
export async function selfSigned(): Promise<{ key: string; pem: string }> {
  const folder = await mkdtemp(join(daemons().folder, "certificate-"));
  const keyFile = join(folder, "key.pem");
  const certFile = join(folder, "certificate.pem");
  const what = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30".split(" ");
  const names = "-subj /CN=tree.test -addext subjectAltName=DNS:tree.test,IP:127.0.0.1".split(" ");
  await run("openssl", [...what, ...names, "-keyout", keyFile, "-out", certFile]);
  return { key: await readFile(keyFile, "utf8"), pem: await readFile(certFile, "utf8") };
}
