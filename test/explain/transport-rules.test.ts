import { createHash } from "node:crypto";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { openServerTree, type ServerTreeOptions } from "../../src/explain/http/server-tree.ts";
import {
  documentFindings,
  fileFindings,
  fingerprintFindings,
  type TransportFinding,
} from "../../src/explain/transport.ts";
import { serverFindings } from "../../src/explain/transport-server.ts";
import type { Tree } from "../../src/explain/tree.ts";
import { clientProfiles } from "../../src/simplestreams/client-profile.ts";
import { otherReaders } from "../../src/simplestreams/rules/readers.ts";
import { type TransportRule, transportRules } from "../../src/simplestreams/rules/transport-rules.ts";
import { answering, type Script, type ScriptedServer, startScripted } from "./scripted-server.ts";
import { selfSigned } from "./self-signed.ts";

const INDEX = "streams/v1/index.json";
const FILE = "images/root.squashfs";
const CONTENT = "the bytes of a file";
const SIZE = CONTENT.length;
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const JSON_TEXT = '{"format":"index:1.0","index":{}}';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScripted(script);
  open.push(server);
  return server;
}

function look(url: string, options: Partial<ServerTreeOptions> = {}): Tree {
  const tree = openServerTree({ url, userAgent: "a test", ...options });
  open.push(tree);
  return tree;
}

type Look = () => Promise<readonly TransportFinding[]>;

/** The server itself, tried with a file of `SIZE` bytes. */
function server(script: Script, options: Partial<ServerTreeOptions> & { readonly user?: string } = {}): Look {
  return async () => {
    const { url } = await serve(script);
    const tree = look(url.replace("//", `//${options.user ?? ""}`), {
      patience: { plainMs: 100 },
      ...options,
    });
    const facts = await tree.server({ file: { path: FILE, size: SIZE } });
    return facts === undefined ? [] : serverFindings(facts);
  };
}

function document(answer: NonNullable<Script["paths"]>[string] | undefined, user = ""): Look {
  return async () => {
    const { url } = await serve({ paths: answer === undefined ? {} : { [INDEX]: answer } });
    return documentFindings(await look(url.replace("//", `//${user}`)).document(INDEX));
  };
}

interface FileCase {
  readonly path?: string;
  readonly isFetched?: boolean;
  readonly most?: number;
  readonly listed?: { readonly size?: number; readonly sha256?: string };
}

function file(answer: NonNullable<Script["paths"]>[string] | undefined, how: FileCase = {}): Look {
  const { path = FILE, isFetched = false, most, listed } = how;
  return async () => {
    const { url } = await serve({ paths: answer === undefined ? {} : { [path]: answer } });
    const hash = createHash("sha256");
    const tree = look(url, { patience: { fileHeadMs: 200 } });
    const read = (piece: Uint8Array): void => void hash.update(piece);
    const found = await tree.file(path, isFetched ? { read, most } : {});
    const facts = { answer: found, path, size: SIZE, sha256: SHA256, ...listed };
    return fileFindings(isFetched ? { ...facts, found: hash.digest("hex") } : facts);
  };
}

const gzipped = (text: string) => answering(200, { "Content-Encoding": "gzip" }, gzipSync(text));

/** One way at least to break each rule; the compiler wants them all. */
const CASES: Readonly<Record<TransportRule, Readonly<Record<string, Look>>>> = {
  "https-only": { "an address with http": server({ isPlain: true }) },
  "server-unreachable": {
    "nothing listens": async () => {
      const gone = await startScripted();
      await gone.close();
      const facts = await look(gone.url).server();
      return facts === undefined ? [] : serverFindings(facts);
    },
    "no TLS on the port": server({ raw: (socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\n") }),
    "a document where nothing listens": async () => {
      const gone = await startScripted();
      await gone.close();
      return documentFindings(await look(gone.url).document(INDEX));
    },
    "a redirect to what is no web": document(answering(302, { Location: "ftp://images.example/" })),
  },
  "tls-version": {
    "TLS 1.2 at most": server({ tls: { maxVersion: "TLSv1.2" } }),
    "TLS 1.1 at most": server({
      tls: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
    }),
  },
  "certificate-name": {
    "self-signed without any alternative name": async () => server({ certificate: await selfSigned([]) })(),
    "self-signed for another address": async () => server({ certificate: await selfSigned(["10.0.0.1"]) })(),
    "from an authority, for another name": async () => {
      const { makeAuthority } = await import("../upstream/authority.ts");
      const authority = await makeAuthority();
      return server({ certificate: await authority.issue(["other.example"]) }, { ca: authority.ca })();
    },
  },
  "certificate-expired": {
    yesterday: async () => {
      const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
      return server({ certificate: await selfSigned(["localhost", "127.0.0.1"], yesterday) })();
    },
  },
  "certificate-untrusted": { "self-signed": server({}) },
  "plain-http-silent": {
    "a connection and no answer": server({ plain: "silent" }),
    "not even a connection": async () => {
      const facts = await look((await serve({})).url).server();
      const plain = { kind: "silent", url: "http://images.example/", proxy: undefined, sent: false } as const;
      return facts === undefined ? [] : serverFindings({ ...facts, credentials: true, plain });
    },
  },
  "plain-http-other-content": {
    "a longer page": server({
      plain: answering(200, { "Content-Length": SIZE + 100 }, "x".repeat(SIZE + 100)),
    }),
    "a longer page of unknown length": server({
      plain: answering(200, { "Transfer-Encoding": "chunked" }, "x".repeat(SIZE + 1)),
    }),
    "a longer page, gzipped to fewer bytes": server({ plain: gzipped("x".repeat(5000)) }),
  },
  "plain-http-page": { "a shorter page": server({ plain: answering(200, {}, "hello") }) },
  "redirect-loop": {
    "to itself": document(answering(301, { Location: `/${INDEX}` })),
    "one after the other, for ever": document((request, response) => {
      const next = Number(/n=(\d+)/.exec(request.url ?? "")?.[1] ?? 0) + 1;
      response.writeHead(302, { Location: `/${INDEX}?n=${next}` }).end();
    }),
    "a file": file(answering(307, { Location: `/${FILE}` })),
    "over plain HTTP": server({ plain: answering(302, { Location: `/${FILE}` }) }),
  },
  "redirect-refused": {
    "to a certificate that nobody knows": async () => {
      const other = await serve({ paths: { [INDEX]: JSON_TEXT } });
      return document(answering(302, { Location: `${other.url}/${INDEX}` }))();
    },
    "to TLS 1.2": async () => {
      const other = await serve({ paths: { [FILE]: CONTENT }, tls: { maxVersion: "TLSv1.2" } });
      return file(answering(302, { Location: `${other.url}/${FILE}` }))();
    },
  },
  "redirect-credentials": {
    "to a full address that wants them": document((request, response) => {
      const { authorization, host } = request.headers;
      if (authorization === undefined) response.writeHead(401).end();
      else response.writeHead(302, { Location: `https://${host}/${INDEX}` }).end();
    }, "me:secret@"),
  },
  "redirect-to-clear": {
    "from https to http": async () => {
      const other = await serve({ isPlain: true, paths: { [INDEX]: JSON_TEXT } });
      return document(answering(302, { Location: `${other.url}/${INDEX}` }))();
    },
  },
  "credentials-in-clear": {
    "something answers": server({ plain: answering(404) }, { user: "me:secret@" }),
    "the request is taken and the connection cut": server({}, { user: "me:secret@" }),
  },
  "answer-status": {
    "204 for a document": document(answering(204)),
    "206 for a document": document(answering(206, {}, JSON_TEXT)),
    "304 for a document": document(answering(304)),
    "206 for a file": file(answering(206, {}, CONTENT)),
    "a redirect that leads nowhere": document(answering(302)),
  },
  "answer-broken": {
    "fewer bytes than announced": document((_, response) => {
      response.writeHead(200, { "Content-Length": 1000 }).write("{", () => response.destroy());
    }),
    "a damaged gzip": document(
      answering(200, { "Content-Encoding": "gzip" }, gzipSync(JSON_TEXT).subarray(0, 20)),
    ),
    "what is not gzip": document(answering(200, { "Content-Encoding": "gzip" }, JSON_TEXT)),
    "a connection that is cut before the head": document((_, response) => void response.destroy()),
    "a file of fewer bytes": file(
      (_, response) => {
        response.writeHead(200, { "Content-Length": SIZE }).write("x", () => response.destroy());
      },
      { isFetched: true },
    ),
  },
  "late-answer": {
    "after 12 seconds": async () => {
      const { url } = await serve({ paths: { [INDEX]: JSON_TEXT } });
      const answer = await look(url).document(INDEX);
      if (answer.exchange === undefined) return [];
      return documentFindings({ ...answer, exchange: { ...answer.exchange, headMs: 12_000 } });
    },
  },
  "slow-answer": {
    "a file that never comes": file(() => undefined),
    "a document that never comes": async () => {
      const { url } = await serve({ paths: { [INDEX]: () => undefined } });
      return documentFindings(await look(url, { patience: { documentHeadMs: 100 } }).document(INDEX));
    },
  },
  "document-missing": {
    "404": document(undefined),
    "403": document(answering(403)),
    "503": document(answering(503)),
  },
  "document-html": {
    "a page": document(
      answering(200, { "Content-Type": "text/html" }, "\n<!doctype html><h1>Back soon</h1>"),
    ),
  },
  "document-empty": { "no byte": document(answering(200)) },
  "document-encoding": {
    br: document(answering(200, { "Content-Encoding": "br" }, brotliCompressSync(JSON_TEXT))),
    "x-gzip": document(answering(200, { "Content-Encoding": "x-gzip" }, gzipSync(JSON_TEXT))),
    "gzip twice": document(
      answering(200, { "Content-Encoding": "gzip, gzip" }, gzipSync(gzipSync(JSON_TEXT))),
    ),
  },
  "document-uncompressed": { "300 KiB": document(`{"a":"${"x".repeat(300 * 1024)}"}`) },
  "document-cached": {
    "a day": document(answering(200, { "Cache-Control": "public, max-age=86400, immutable" }, JSON_TEXT)),
    "a day, for caches on the way": document(
      answering(200, { "Cache-Control": 'max-age="60", S-MaxAge=86400' }, JSON_TEXT),
    ),
    "a date": document(
      answering(
        200,
        { Date: "Thu, 01 Jan 2026 00:00:00 GMT", Expires: "Fri, 02 Jan 2026 00:00:00 GMT" },
        JSON_TEXT,
      ),
    ),
    "kept for longer than it says": document(
      answering(200, { "Cache-Control": "max-age=60", Age: "90000" }, JSON_TEXT),
    ),
  },
  "file-missing": {
    "404": file(undefined),
    "503": file(answering(503)),
    "401, when it is fetched": file(answering(401), { isFetched: true }),
    "in a folder": async () =>
      fileFindings({
        answer: { kind: "absent", why: "there is no such file" },
        path: FILE,
        size: SIZE,
        sha256: SHA256,
      }),
  },
  "file-encoding": {
    "a .tar.gz": file(gzipped(CONTENT), { path: "images/root.tar.gz" }),
    "as many bytes as listed": file(
      answering(
        200,
        { "Content-Encoding": "gzip", "Content-Length": gzipSync(CONTENT).length },
        gzipSync(CONTENT),
      ),
      { listed: { size: gzipSync(CONTENT).length } },
    ),
    "fetched, and another hash": file(gzipped("something else"), { isFetched: true }),
  },
  "file-compressed": {
    "on the way": file(gzipped(CONTENT)),
    "on the way, fetched": file(gzipped(CONTENT), { isFetched: true }),
  },
  "served-size": {
    "one byte more": file(`${CONTENT}.`),
    "one byte less, fetched": file(CONTENT.slice(1), { isFetched: true }),
    "endless, and fetched": file(
      (_, response) => {
        const pour = (): void => {
          if (!response.destroyed) response.write("x".repeat(65_536), pour);
        };
        pour();
      },
      { isFetched: true, most: SIZE },
    ),
  },
  "served-hash": { "other bytes": file("x".repeat(SIZE), { isFetched: true }) },
  "served-fingerprint": {
    "another one": async () => fingerprintFindings(FILE, "1".repeat(64), "2".repeat(64)),
  },
  "no-length": { chunked: file((_, response) => void response.write(CONTENT, () => response.end())) },
};

describe("a rule about transport", () => {
  const all = Object.entries(CASES).flatMap(([rule, cases]) =>
    Object.entries(cases).map(([name, run]) => [rule, name, run] as const),
  );

  it.each(all)("%s is told for: %s", async (rule, _, run) => {
    const found = await run();
    expect(found.map((one) => one.rule)).toContain(rule);
    for (const one of found) {
      expect(one.reason).not.toMatch(/\.$/);
      expect(JSON.stringify(one)).not.toContain("secret");
    }
  });

  it("has a case, each", () => {
    expect(Object.keys(CASES).sort()).toEqual(Object.keys(transportRules).sort());
    expect(Object.entries(CASES).filter(([, cases]) => Object.keys(cases).length === 0)).toEqual([]);
  });

  it("is one sentence in each of its parts, and names readers that there are", () => {
    const readers = new Set<string>([...clientProfiles.map(({ name }) => name), ...otherReaders]);
    for (const [id, rule] of Object.entries(transportRules)) {
      expect(id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
      for (const text of [rule.text, rule.symptom, rule.mend, rule.source]) {
        expect(text).not.toMatch(/\.$|\u2014/);
      }
      expect(rule.readers.filter((reader) => !readers.has(reader))).toEqual([]);
    }
  });
});
