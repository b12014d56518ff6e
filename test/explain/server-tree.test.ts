import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { HeadwaterError } from "../../src/error.ts";
import { locate, parseServerAddress } from "../../src/explain/http/address.ts";
import { namesIn } from "../../src/explain/http/certificate-facts.ts";
import { openServerTree, type ServerTreeOptions } from "../../src/explain/http/server-tree.ts";
import type { Patience } from "../../src/explain/http/patience.ts";
import { documentFindings } from "../../src/explain/transport.ts";
import type { DocumentAnswer, FileAnswer, Tree } from "../../src/explain/tree.ts";
import {
  answering,
  type Handler,
  type Script,
  type ScriptedServer,
  startScripted,
} from "./scripted-server.ts";
import { selfSigned } from "./self-signed.ts";

const INDEX = "streams/v1/index.json";
const MIB = 1024 * 1024;

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

async function lookAt(script: Script, options: Partial<ServerTreeOptions> = {}): Promise<Tree> {
  return look((await serve(script)).url, options);
}

function textOf(answer: DocumentAnswer): string {
  return answer.kind === "there" ? Buffer.from(answer.bytes).toString() : answer.why;
}

function whyOf(answer: DocumentAnswer | FileAnswer): string {
  return answer.kind === "absent" ? answer.why : "it is there";
}

/** Writes pieces for as long as anybody takes them. */
function pour(response: ServerResponse, piece: string | Uint8Array): void {
  const next = (): void => {
    if (!response.destroyed) response.write(piece, next);
  };
  next();
}

describe("a path", () => {
  it.each([
    ["https://h", "a/b", "https://h/a/b"],
    ["https://h/", "a/b", "https://h/a/b"],
    ["https://h/base", "a", "https://h/base/a"],
    ["https://h/base/", "/a", "https://h/base/a"],
    ["https://h/base//", "a", "https://h/base/a"],
    ["https://h/base", "../a", "https://h/a"],
    ["https://h/base", "a//b/./c", "https://h/base/a/b/c"],
    ["https://h/base", "https://cdn/x", "https://h/base/https:/cdn/x"],
    ["https://h/base?token=1", "a", "https://h/base/a?token=1"],
    ["https://h", "a?b=c#d", "https://h/a%3Fb=c%23d"],
    ["https://h", "100%", "https://h/100%25"],
    ["https://h", "2026:01+x ü", "https://h/2026:01+x%20%C3%BC"],
    ["https://h", "a\\b", "https://h/a%5Cb"],
  ])("of %s and %j is asked for as the clients do", (base, path, url) => {
    expect(locate(parseServerAddress(base).base, path).href).toBe(url);
  });

  it("never leads to another host, whatever it is", () => {
    const { base } = parseServerAddress("https://images.example/base");
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (path) => {
        const url = locate(base, path);
        expect([url.origin, url.search, url.hash]).toEqual(["https://images.example", "", ""]);
      }),
    );
  });
});

describe("an address", () => {
  it.each([
    ["https://h", 80],
    ["https://h/path:99", 80],
    ["https://h:443", 443],
    ["https://h:443/base", 443],
    ["https://h:8443", 8443],
    ["https://user:1234@h", 80],
    ["https://user:1234@h:8443", 8443],
    ["https://[::1]", 80],
    ["https://[::1]:8443/", 8443],
  ])("%s is tried in clear on port %i, since only a port that is written stays", (text, port) => {
    expect(parseServerAddress(text).plainPort).toBe(port);
  });

  it.each(["", "images.example", "ftp://me:secret@h", "https://", "file:///etc"])("is not %j", (text) => {
    const attempt = (): unknown => parseServerAddress(text);
    expect(attempt).toThrow(HeadwaterError);
    expect(attempt).not.toThrow(/secret/);
  });

  it("is shown without user, password and the values of its query", async () => {
    const { url } = await serve({ paths: { [INDEX]: "{}" } });
    const tree = look(`${url.replace("//", "//me:secret@")}/?token=secret`);
    expect(tree.name).toBe(`${url}?…`);
    expect(JSON.stringify([await tree.document(INDEX), await tree.server()])).not.toContain("secret");
  });
});

describe("credentials", () => {
  const protectedFile: Handler = ({ headers }, response) => {
    response.writeHead(headers.authorization === undefined ? 401 : 200).end("{}");
  };

  it("go with each request, decoded", async () => {
    const server = await serve({ paths: { [INDEX]: protectedFile } });
    const answer = await look(server.url.replace("//", "//me:p%40ss@")).document(INDEX);
    expect(answer.exchange?.credentials).toBe("sent");
    const [seen] = server.seen;
    expect(seen?.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  });

  it("stay with a redirect that is a path, and are lost with one that is an address", async () => {
    const server = await serve({
      paths: {
        path: answering(302, { Location: `/${INDEX}` }),
        address: ({ headers }, response) => {
          response.writeHead(302, { Location: `https://${headers.host}/${INDEX}` }).end();
        },
        [INDEX]: protectedFile,
      },
    });
    const tree = look(server.url, { credentials: { user: "me", password: "secret" } });
    expect(textOf(await tree.document("path"))).toBe("{}");
    const lost = await tree.document("address");
    expect(whyOf(lost)).toBe("the server answers 401");
    expect(lost.exchange?.credentials).toBe("lost");
  });

  it("never go in clear from here", async () => {
    const server = await serve({ plain: answering(404) });
    await look(server.url.replace("//", "//me:secret@")).server();
    expect(server.seen.map(({ isTls, authorization }) => [isTls, authorization])).toEqual([
      [false, undefined],
    ]);
  });
});

describe("redirects", () => {
  it("are told in order, and followed to http and other hosts", async () => {
    const last = await serve({ isPlain: true, paths: { end: "here" } });
    const first = await serve({
      paths: {
        [INDEX]: answering(301, { Location: "/next" }),
        next: answering(307, { Location: `${last.url}/end?key=secret` }),
      },
    });
    const answer = await look(first.url).document(INDEX);
    expect(textOf(answer)).toBe("here");
    expect(answer.exchange).toMatchObject({
      url: `${first.url}/${INDEX}`,
      finalUrl: `${last.url}/end?…`,
      hops: [
        { status: 301, location: `${first.url}/next` },
        { status: 307, location: `${last.url}/end?…` },
      ],
      loop: false,
    });
  });

  it("are followed twenty times and no more", async () => {
    const paths: Record<string, Handler | string> = { "0": "here" };
    for (let left = 1; left <= 21; left++) paths[`${left}`] = answering(302, { Location: `/${left - 1}` });
    const server = await serve({ paths });
    const tree = look(server.url);
    expect(textOf(await tree.document("20"))).toBe("here");
    const before = server.seen.length;
    const answer = await tree.document("21");
    expect(whyOf(answer)).toBe("there are more than 20 redirects");
    expect(server.seen.length - before).toBe(21);
    const [found] = documentFindings(answer);
    expect(found).toMatchObject({
      rule: "redirect-loop",
      reason: expect.stringContaining("Headwater stopped"),
    });
  });

  it("that lead back to where they were are a loop at once", async () => {
    const server = await serve({
      paths: { a: answering(302, { Location: "/b" }), b: answering(302, { Location: "/a" }) },
    });
    const answer = await look(server.url).document("a");
    expect(whyOf(answer)).toBe("redirects lead back to where they were");
    expect(server.seen.length).toBe(2);
    expect(documentFindings(answer)).toMatchObject([
      { rule: "redirect-loop", reason: "after 2 redirects it comes back to an address it was at" },
    ]);
  });

  it.each(["http://", "//[", "ftp://h/", "javascript:alert(1)"])("that lead to %j end there", async (to) => {
    const tree = await lookAt({ paths: { [INDEX]: answering(302, { Location: to }) } });
    expect(whyOf(await tree.document(INDEX))).toMatch(
      /^a redirect leads to ".*", which is no address of a web server$/,
    );
  });
});

describe("a document", () => {
  it("is asked for as Go asks, and decompressed", async () => {
    const asked: unknown[] = [];
    const tree = await lookAt({
      paths: {
        [INDEX]: ({ method, headers, httpVersion }, response) => {
          asked.push(method, httpVersion, headers["accept-encoding"], headers["user-agent"]);
          response.writeHead(200, { "Content-Encoding": "GZIP" }).end(gzipSync("{}"));
        },
      },
    });
    const answer = await tree.document(INDEX);
    expect(textOf(answer)).toBe("{}");
    expect(answer.exchange?.sent).toBe(gzipSync("{}").length);
    expect(asked).toEqual(["GET", "1.1", "gzip", "a test"]);
  });

  it("in an encoding that is no compression comes as it is, as it does to the clients", async () => {
    const tree = await lookAt({ paths: { [INDEX]: answering(200, { "Content-Encoding": "utf-8" }, "{}") } });
    expect(textOf(await tree.document(INDEX))).toBe("{}");
  });

  const bombs: [string, Handler, string, Partial<Patience>?][] = [
    ["is endless", (_, response) => pour(response, "x".repeat(MIB)), "it has more than 67108864 bytes"],
    [
      "is announced as huge",
      (_, response) => void response.writeHead(200, { "Content-Length": 10 ** 12 }).write("{"),
      "it has more than 67108864 bytes",
    ],
    [
      "is a gzip bomb",
      answering(200, { "Content-Encoding": "gzip" }, gzipSync(Buffer.alloc(70 * MIB))),
      "it has more than 67108864 bytes",
    ],
    [
      "is cut short",
      (_, response) => {
        response.writeHead(200, { "Content-Length": 10 }).write("{}", () => response.destroy());
      },
      "the connection was cut after 2 of 10 bytes",
    ],
    [
      "is gzip that is cut short",
      answering(200, { "Content-Encoding": "gzip" }, gzipSync("x".repeat(100)).subarray(0, -4)),
      "its gzip data is damaged",
    ],
    [
      "stops coming",
      (_, response) => void response.writeHead(200).write("{"),
      "not a byte more came for 0.3 seconds",
      { silenceMs: 300 },
    ],
    [
      "comes a byte at a time, for ever",
      (_, response) => {
        const timer = setInterval(() => response.write("x"), 20);
        response.once("close", () => clearInterval(timer));
      },
      "it did not come within 0.8 seconds",
      { documentMs: 800 },
    ],
    ["never begins", () => undefined, "no answer came within 0.5 seconds", { documentHeadMs: 500 }],
    ["is no answer at all", (_, response) => void response.destroy(), "the connection was cut"],
    [
      "has a head without an end",
      ({ socket }) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        const timer = setInterval(() => socket.write(`X-A: ${"a".repeat(100_000)}\r\n`), 1);
        socket.once("close", () => clearInterval(timer));
      },
      "the head of its answer is larger than 1 MiB",
    ],
    [
      "promises to go on, for ever",
      ({ socket }) => {
        const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 5);
        socket.once("close", () => clearInterval(timer));
      },
      "no answer came within 0.5 seconds",
      { documentHeadMs: 500 },
    ],
    ["is not HTTP", ({ socket }) => void socket.end("SSH-2.0-x\r\n\r\n"), "its answer is not HTTP"],
    [
      "changes the protocol",
      ({ socket }) => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
      },
      "the connection ended without an answer",
    ],
  ];
  it.each(bombs)("that %s ends, with a reason", async (_, handler, why, patience = {}) => {
    const tree = await lookAt({ paths: { [INDEX]: handler } }, { patience });
    expect(whyOf(await tree.document(INDEX))).toBe(why);
  });

  it("is given up when that is wanted, before its head and in its middle", async () => {
    const tree = await lookAt({
      paths: { head: () => undefined, body: (_, response) => void response.writeHead(200).write("{") },
    });
    for (const path of ["head", "body"]) {
      const stop = new AbortController();
      const answer = tree.document(path, { signal: stop.signal });
      setTimeout(() => stop.abort(new Error("enough")), 100);
      await expect(answer).rejects.toThrow("enough");
      await expect(tree.document(path, { signal: stop.signal })).rejects.toThrow("enough");
    }
  });
});

describe("a file", () => {
  it("is asked for with HEAD, after one of its kind was asked for as the clients do", async () => {
    const server = await serve({ paths: { "a.img": "12345", "b.img": "123", "c.xz": "1" } });
    const tree = look(server.url);
    for (const [path, size] of [
      ["a.img", 5],
      ["b.img", 3],
      ["c.xz", 1],
    ] as const) {
      expect(await tree.file(path)).toMatchObject({ kind: "there", size });
    }
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /a.img",
      "HEAD /b.img",
      "GET /c.xz",
    ]);
  });

  it.each([403, 404, 405, 501])("is asked for with GET where HEAD is answered with %i", async (status) => {
    const noHead: Handler = ({ method }, response) => {
      response.writeHead(method === "HEAD" ? status : 200, { "Content-Length": 3 }).end("abc");
    };
    const tree = await lookAt({ paths: { a: noHead, b: noHead } });
    expect(await tree.file("a")).toMatchObject({ kind: "there", size: 3 });
    expect(await tree.file("b")).toMatchObject({ kind: "there", size: 3 });
  });

  it("of a size that HEAD does not tell is asked for with GET", async () => {
    const handler: Handler = ({ method }, response) => {
      response.writeHead(200, method === "HEAD" ? {} : { "Content-Length": 3 }).end("abc");
    };
    const tree = await lookAt({ paths: { a: handler, b: handler } });
    await tree.file("a");
    expect(await tree.file("b")).toMatchObject({ kind: "there", size: 3 });
  });

  it("is broken off after its head", async () => {
    let written = 0;
    const closed: Promise<void>[] = [];
    const tree = await lookAt({
      paths: {
        large: (_, response) => {
          closed.push(new Promise((resolve) => response.once("close", () => resolve())));
          response.writeHead(200, { "Content-Length": 10 ** 10 });
          const next = (): void => {
            written += MIB;
            if (!response.destroyed) response.write(Buffer.alloc(MIB), next);
          };
          next();
        },
      },
    });
    expect(await tree.file("large")).toMatchObject({ kind: "there", size: 10 ** 10 });
    await Promise.all(closed);
    expect(written).toBeLessThan(100 * MIB);
  });

  it("is read as clients read it: gzip is taken off", async () => {
    const tree = await lookAt({
      paths: { a: answering(200, { "Content-Encoding": "gzip" }, gzipSync("abc")), b: "abc" },
    });
    for (const path of ["a", "b"]) {
      const pieces: Uint8Array[] = [];
      const answer = await tree.file(path, { read: (piece) => void pieces.push(Buffer.from(piece)) });
      expect(answer).toMatchObject({ kind: "there", size: 3 });
      expect(Buffer.concat(pieces).toString()).toBe("abc");
    }
  });

  it("that is longer than it may be is left", async () => {
    const tree = await lookAt({
      paths: { endless: (_, response) => pour(response, "x".repeat(1000)), longer: "12345" },
    });
    for (const path of ["endless", "longer"]) {
      let read = 0;
      const take = (piece: Uint8Array): void => void (read += piece.byteLength);
      const answer = await tree.file(path, { read: take, most: 4 });
      expect(answer).toMatchObject({ kind: "absent", why: "it has more than 4 bytes", isLonger: true });
      expect(read).toBeLessThanOrEqual(4);
    }
  });

  it("passes on what its reader throws", async () => {
    const tree = await lookAt({ paths: { a: "abc" } });
    const read = (): void => {
      throw new Error("a reader's own");
    };
    await expect(tree.file("a", { read })).rejects.toThrow("a reader's own");
  });

  it("needs no new connection for each question, and survives one that ended meanwhile", async () => {
    const ports = new Set<number>();
    let isCut = false;
    const handler: Handler = ({ socket }, response) => {
      ports.add(socket.remotePort ?? 0);
      response.writeHead(200, { "Content-Length": 3 }).end("abc");
      // As a server does that closes idle connections at the very moment of the next question.
      if (isCut) setImmediate(() => socket.destroy());
    };
    const tree = await lookAt({ paths: { a: handler, b: handler, c: handler, d: handler } });
    for (const path of ["a", "b", "c"]) expect((await tree.file(path)).kind).toBe("there");
    expect(ports.size).toBe(1);
    isCut = true;
    for (const path of ["a", "b", "c", "d"]) expect((await tree.file(path)).kind).toBe("there");
  });
});

describe("a server", () => {
  it("is told with its certificate", async () => {
    const server = await serve({ certificate: await selfSigned(["images.example", "127.0.0.1"]) });
    const facts = await look(server.url).server();
    expect(facts).toMatchObject({
      scheme: "https",
      host: "127.0.0.1",
      port: server.port,
      credentials: false,
      problem: undefined,
      tls13: true,
      older: undefined,
      certificate: {
        subject: "CN=a test",
        dnsNames: ["images.example"],
        addresses: ["127.0.0.1"],
        selfSigned: true,
        trusted: false,
        pinned: false,
        distrust: "DEPTH_ZERO_SELF_SIGNED_CERT",
        matchesHost: true,
      },
      plain: { kind: "refused", sent: true },
    });
    expect((await look(server.url, { ca: server.cert }).server())?.certificate).toMatchObject({
      trusted: true,
      pinned: true,
      distrust: undefined,
    });
  });

  it("whose authority the system knows is trusted without being pinned", async () => {
    const server = await serve({});
    const folder = await mkdtemp(join(tmpdir(), "hw-explain-"));
    const before = process.env["SSL_CERT_FILE"];
    try {
      await writeFile(join(folder, "authorities.pem"), server.cert);
      process.env["SSL_CERT_FILE"] = join(folder, "authorities.pem");
      const facts = await look(server.url).server();
      expect(facts?.certificate).toMatchObject({ trusted: true, pinned: false });
    } finally {
      if (before === undefined) delete process.env["SSL_CERT_FILE"];
      else process.env["SSL_CERT_FILE"] = before;
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    [["localhost"], true],
    [["LOCALHOST", "other.example"], true],
    [["l*t"], false],
    [["*.localhost"], false],
    [[], false],
  ])("whose certificate names %j is for localhost: %s", async (names, isFor) => {
    const server = await serve({ certificate: await selfSigned(names) });
    const facts = await look(server.url.replace("127.0.0.1", "localhost")).server();
    expect(facts?.certificate?.matchesHost).toBe(isFor);
  });

  it("that says nothing is no server for a document either", async () => {
    const tree = await lookAt({ raw: () => undefined }, { patience: { connectMs: 100 } });
    const answer = await tree.document(INDEX);
    expect(whyOf(answer)).toBe("no connection came about within 0.1 seconds");
    expect(documentFindings(answer).map(({ rule }) => rule)).toEqual(["server-unreachable"]);
  });

  it("that is silent is left", async () => {
    const server = await serve({ raw: () => undefined });
    const facts = await look(server.url, { patience: { connectMs: 100, plainMs: 100 } }).server();
    expect(facts).toMatchObject({
      problem: "it does not answer in TLS",
      plain: { kind: "silent", sent: true },
    });
  });

  it("is tried in clear with the first file that was asked for", async () => {
    const server = await serve({ paths: { "a.img": "12345" }, plain: answering(200, {}, "12345") });
    const tree = look(server.url);
    await tree.file("a.img");
    expect((await tree.server())?.plain).toEqual({
      kind: "answered",
      url: `http://127.0.0.1:${server.port}/a.img`,
      proxy: undefined,
      status: 200,
      redirect: undefined,
      loop: false,
      length: 5,
      content: "file",
    });
  });

  it("is given up when that is wanted", async () => {
    const server = await serve({ raw: () => undefined });
    const stop = new AbortController();
    const facts = look(server.url).server({ signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 50);
    await expect(facts).rejects.toThrow("enough");
  });

  it("in plain HTTP has no TLS to tell of", async () => {
    const tree = await lookAt({ isPlain: true, paths: { [INDEX]: "{}" } });
    expect(textOf(await tree.document(INDEX))).toBe("{}");
    expect(await tree.server()).toMatchObject({ scheme: "http", certificate: undefined, plain: undefined });
  });
});

describe("whatever comes", () => {
  it("ends in an answer and words for it", async () => {
    let bytes: Uint8Array = Buffer.alloc(0);
    const tree = await lookAt(
      { paths: { [INDEX]: ({ socket }) => void socket.end(bytes) } },
      { patience: { documentHeadMs: 2000, silenceMs: 2000 } },
    );
    const line = fc.constantFrom(
      "HTTP/1.1 200 OK",
      "HTTP/1.1 302 Found",
      "HTTP/1.0 999",
      "Content-Length: 5",
      "Content-Length: -1",
      "Content-Length: 99999999999999999999",
      "Content-Encoding: gzip",
      "Content-Encoding: ",
      "Transfer-Encoding: chunked",
      "Location: \u00ff",
      "Location: https://[",
      "",
      "5",
      "hello",
      "\u0000\u001b[2J",
    );
    const answer = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(line, { maxLength: 12 }).map((lines) => {
        return Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\nrest`, "latin1");
      }),
    );
    await fc.assert(
      fc.asyncProperty(answer, async (chosen) => {
        bytes = chosen;
        const got = await tree.document(INDEX);
        const texts = [whyOf(got), ...Object.values(got.exchange?.headers ?? {})];
        expect(texts.join(" ")).not.toMatch(/\p{Cc}/u);
        expect(got.exchange?.hops.map(({ location }) => location).join(" ") ?? "").not.toMatch(/\p{Cc}/u);
        expect(documentFindings(got).length > 0 || got.kind === "there").toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe("alternative names", () => {
  it("come back from how OpenSSL writes them", () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z0-9.-]{1,20}$/),
      fc.string({ minLength: 1, maxLength: 20 }).map((text) => `,${text}`),
    );
    const kind = fc.constantFrom("DNS", "IP Address", "URI");
    fc.assert(
      fc.property(fc.array(fc.tuple(kind, name), { maxLength: 20 }), (entries) => {
        const text = entries.map(
          ([of, value]) => `${of}:${value.startsWith(",") ? JSON.stringify(value) : value}`,
        );
        expect(namesIn(text.join(", "), "DNS").length).toBe(entries.filter(([of]) => of === "DNS").length);
      }),
    );
    expect(namesIn("DNS:a.example, IP Address:10.0.0.1, DNS:*.b.example", "DNS")).toEqual([
      "a.example",
      "*.b.example",
    ]);
    expect(namesIn("DNS:a.example, IP Address:10.0.0.1", "IP Address")).toEqual(["10.0.0.1"]);
  });
});
