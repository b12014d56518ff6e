import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serverLines } from "../../src/cli/print-server-facts.ts";
import { proxyFor } from "../../src/upstream/proxy.ts";
import { openServerTree, type ServerTreeOptions } from "../../src/explain/http/server-tree.ts";
import { documentFindings } from "../../src/explain/transport.ts";
import { serverFindings } from "../../src/explain/transport-server.ts";
import type { ServerFacts, Tree } from "../../src/explain/tree.ts";
import { makeAuthority } from "../upstream/authority.ts";
import { type ConnectProxy, startProxy, type Way } from "../upstream/connect-proxy.ts";
import { answering, type Script, type ScriptedServer, startScripted } from "./scripted-server.ts";
import { selfSigned } from "./self-signed.ts";

const INDEX = "streams/v1/index.json";
const URL_THERE = "https://public.example";

const open: { close(): Promise<void> }[] = [];
beforeEach(() => {
  for (const name of ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"]) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of open.splice(0).reverse()) await one.close();
});

async function serve(script: Script = {}): Promise<ScriptedServer> {
  const certificate = await selfSigned(["public.example"]);
  const server = await startScripted({ certificate, paths: { [INDEX]: "{}" }, ...script });
  open.push(server);
  return server;
}

/** The proxy of this machine for https, or for what else is named. */
async function proxy(
  ways: Readonly<Record<string, Way>>,
  { names = ["HTTPS_PROXY"], user = "" }: { readonly names?: readonly string[]; readonly user?: string } = {},
): Promise<ConnectProxy> {
  const made = await startProxy(new Map(Object.entries(ways)));
  open.push(made);
  for (const name of names) vi.stubEnv(name, made.url.replace("//", `//${user}`));
  return made;
}

function look(options: Partial<ServerTreeOptions> = {}): Tree {
  const tree = openServerTree({ url: URL_THERE, userAgent: "a test", ...options });
  open.push(tree);
  return tree;
}

async function factsOf(tree: Tree): Promise<ServerFacts> {
  const facts = await tree.server({ file: { path: "item", size: 5 } });
  if (facts === undefined) throw new Error("it is a server");
  return facts;
}

const printed = (facts: ServerFacts): string => serverLines(facts, (text) => text).join("\n");
const rulesOf = (found: readonly { readonly rule: string }[]): string[] => found.map(({ rule }) => rule);

async function gone(there: ConnectProxy): Promise<void> {
  await vi.waitFor(() => expect(there.connections()).toBe(0));
}

describe("a server behind a proxy", () => {
  it("is looked at through it: documents, files, TLS", async () => {
    const there = await serve({ paths: { [INDEX]: "{}", item: "12345" } });
    const through = await proxy({ "public.example:443": there.port });
    const tree = look({ ca: there.cert });
    const answer = await tree.document(INDEX);
    expect(answer).toMatchObject({ kind: "there" });
    expect(documentFindings(answer)).toEqual([]);
    expect(await tree.file("item")).toMatchObject({ kind: "there", size: 5 });
    const facts = await factsOf(tree);
    expect(facts).toMatchObject({
      proxy: through.url,
      problem: undefined,
      tls13: true,
      certificate: { dnsNames: ["public.example"], trusted: true, matchesHost: true },
      plain: { kind: "refused", proxy: undefined },
    });
    expect(serverFindings(facts)).toEqual([]);
    expect(printed(facts)).toContain(`port 443, TLS 1.3, through the proxy ${through.url}\n`);
    expect(printed(facts)).toContain("no connection without a proxy, so that clients go on to https");
    // Documents and file on one connection, TLS on another.
    expect(through.asked).toEqual(["public.example:443", "public.example:443"]);
  });

  it("that speaks nothing newer than TLS 1.2 is told so", async () => {
    const there = await serve({ tls: { maxVersion: "TLSv1.2" } });
    await proxy({ "public.example:443": there.port });
    const facts = await factsOf(look({ ca: there.cert }));
    expect(facts).toMatchObject({ tls13: false, older: "TLSv1.2" });
    expect(rulesOf(serverFindings(facts))).toEqual(["tls-version"]);
  });

  it("and does not speak TLS is told so", async () => {
    const there = await serve({ raw: (socket) => void socket.end("HTTP/1.0 400 Bad Request\r\n\r\n") });
    const { url } = await proxy({ "public.example:443": there.port });
    expect((await factsOf(look())).problem).toBe(`it does not speak TLS there through the proxy ${url}`);
    expect(rulesOf(documentFindings(await look().document(INDEX)))).toEqual(["server-unreachable"]);
  });

  it("keeps its connections, and survives that one ends", async () => {
    const there = await serve({
      paths: {
        [INDEX]: (_, response) => {
          response.on("finish", () => setImmediate(() => response.socket?.destroy()));
          response.writeHead(200, { "Content-Length": 2 }).end("{}");
        },
      },
    });
    await proxy({ "public.example:443": there.port });
    const tree = look();
    for (let round = 0; round < 5; round++) {
      expect(await tree.document(INDEX)).toMatchObject({ kind: "there" });
    }
  });

  it("of another host than the address is reached the same way after a redirect", async () => {
    const other = await serve({ certificate: await selfSigned(["files.example"]) });
    const there = await serve({
      paths: { [INDEX]: answering(302, { Location: `https://files.example/${INDEX}` }) },
    });
    const through = await proxy({ "public.example:443": there.port, "files.example:443": other.port });
    expect(await look({ ca: other.cert }).document(INDEX)).toMatchObject({
      kind: "there",
      exchange: { refused: undefined },
    });
    expect(through.asked).toEqual(["public.example:443", "files.example:443"]);
  });

  it("is reached without it where NO_PROXY says so, and this machine always is", async () => {
    const there = await serve({ certificate: await selfSigned(["127.0.0.1"]) });
    const through = await proxy({}, { names: ["HTTPS_PROXY", "HTTP_PROXY"] });
    vi.stubEnv("NO_PROXY", "other.example, .invalid");
    const facts = await factsOf(look({ url: "https://images.invalid" }));
    expect(facts.proxy).toBeUndefined();
    expect(facts.problem).not.toContain("proxy");
    const own = look({ url: there.url });
    expect(await own.document(INDEX)).toMatchObject({ kind: "there" });
    expect(await factsOf(own)).toMatchObject({ proxy: undefined, plain: { proxy: undefined } });
    expect([...through.asked, ...through.askedInClear]).toEqual([]);
  });
});

describe("a proxy", () => {
  it("may speak TLS itself, with a certificate that is trusted", async () => {
    const there = await serve({ plain: answering(200, {}, "12345") });
    const authority = await makeAuthority();
    const certificate = await authority.issue(["127.0.0.1"]);
    const ways = new Map([
      ["public.example:443", there.port],
      ["public.example:80", there.port],
    ]);
    const through = await startProxy(ways, certificate);
    open.push(through);
    for (const name of ["HTTPS_PROXY", "HTTP_PROXY"]) vi.stubEnv(name, through.url);
    const tree = look({ ca: [there.cert, authority.ca].join("\n") });
    expect(await tree.document(INDEX)).toMatchObject({ kind: "there" });
    const facts = await factsOf(tree);
    expect(facts).toMatchObject({ problem: undefined, proxy: through.url, certificate: { trusted: true } });
    expect(facts.plain).toMatchObject({ kind: "answered", content: "file" });
    expect(serverFindings(facts)).toEqual([]);
    const before = through.asked.length;
    expect((await factsOf(look({ ca: there.cert }))).problem).toContain(
      `the proxy ${through.url}: its certificate is refused`,
    );
    expect(through.asked).toHaveLength(before);
  });

  it("alone gets its credentials, and shows them nowhere", async () => {
    const there = await serve({ plain: answering(200, {}, "12345") });
    const through = await proxy(
      { "public.example:443": there.port, "public.example:80": there.port },
      { names: ["HTTPS_PROXY", "HTTP_PROXY"], user: "ali:open%20sesame@" },
    );
    const tree = look({ credentials: { user: "me", password: "secret" } });
    await tree.document(INDEX);
    const facts = await factsOf(tree);
    const own = `Basic ${Buffer.from("ali:open sesame").toString("base64")}`;
    expect(through.credentials).toEqual(Array.from({ length: 3 }, () => ({ own, others: undefined })));
    expect(there.seen.filter(({ isTls }) => isTls)).toMatchObject([{ authorization: expect.any(String) }]);
    expect(inspect([facts, serverFindings(facts), printed(facts)], { depth: 9 })).not.toMatch(/sesame|ali:/);
  });

  it.each([
    [403, "answers 403 instead of connecting"],
    [405, "answers 405 instead of connecting"],
    [407, "does not take its user and password"],
    [502, "answers 502 instead of connecting"],
  ])("that answers %i is the one that is named", async (refused, why) => {
    const through = await proxy({ "public.example:443": { refused } }, { user: "ali:opensesame@" });
    const tree = look();
    const answer = await tree.document(INDEX);
    expect(answer).toMatchObject({ kind: "absent", why: `the proxy ${through.url} ${why}` });
    const found = [...documentFindings(answer), ...serverFindings(await factsOf(tree))];
    expect(rulesOf(found)).toEqual(["server-unreachable", "server-unreachable"]);
    for (const { reason } of found) expect(reason).toContain(`the proxy ${through.url} ${why}`);
    expect(inspect([answer, found], { depth: 9 })).not.toContain("opensesame");
    expect(through.askedInClear).toEqual([]);
  });

  it.each([
    ["cut", /: the connection was cut$/],
    ["cut behind", /connects, and the connection is cut before there is TLS$/],
  ] as const)("that does %j is unreachable", async (way, why) => {
    await proxy({ "public.example:443": way });
    const tree = look();
    const answer = await tree.document(INDEX);
    expect(rulesOf(documentFindings(answer))).toEqual(["server-unreachable"]);
    expect(answer).toMatchObject({ why: expect.stringMatching(why) });
    expect((await factsOf(tree)).problem).toMatch(why);
  });

  it("that is not there is told", async () => {
    const through = await startProxy(new Map());
    await through.close();
    vi.stubEnv("HTTPS_PROXY", through.url);
    const why = `the proxy ${through.url}: nothing listens there`;
    expect(await look().document(INDEX)).toMatchObject({ kind: "absent", why });
    expect((await factsOf(look())).problem).toBe(why);
  });

  it("that never answers is given up, and nothing is left open to it", async () => {
    const through = await proxy({});
    const tree = look({ patience: { connectMs: 100 } });
    const why = `no connection came about through the proxy ${through.url} within 0.1 seconds`;
    expect(await tree.document(INDEX)).toMatchObject({ kind: "absent", why });
    expect((await factsOf(tree)).problem).toBe(why);
    expect(through.asked).toHaveLength(2);
    await gone(through);
  });

  it("that lets nothing through any more is given up, and nothing is left open to it", async () => {
    const there = await serve({ raw: () => undefined });
    const through = await proxy({ "public.example:443": there.port });
    const tree = look({ patience: { connectMs: 100 } });
    expect(await tree.document(INDEX)).toMatchObject({ kind: "absent" });
    expect((await factsOf(tree)).problem).toBe(`it does not answer in TLS through the proxy ${through.url}`);
    await gone(through);
  });

  const QUESTIONS: Readonly<Record<string, (tree: Tree, signal: AbortSignal) => Promise<unknown>>> = {
    "a document": (tree, signal) => tree.document(INDEX, { signal }),
    TLS: (tree, signal) => tree.server({ signal }),
  };
  it.each(Object.keys(QUESTIONS))(
    "that never answers stops nobody who is told to stop, with a question for %s",
    async (what) => {
      const through = await proxy({});
      const stop = new AbortController();
      const asked = QUESTIONS[what]?.(look(), stop.signal).catch((error: unknown) => error);
      await vi.waitFor(() => expect(through.asked).toHaveLength(1));
      stop.abort(new Error("enough"));
      expect(await asked).toMatchObject({ message: "enough" });
      await gone(through);
    },
  );

  it("for plain HTTP is asked in full, and told of", async () => {
    const there = await serve({ plain: answering(200, {}, "12345") });
    const through = await proxy(
      { "public.example:443": there.port, "public.example:80": there.port },
      { names: ["HTTPS_PROXY", "HTTP_PROXY"] },
    );
    const facts = await factsOf(look({ ca: there.cert }));
    expect(through.askedInClear).toEqual(["http://public.example/item"]);
    expect(facts.plain).toMatchObject({ kind: "answered", content: "file", proxy: through.url });
    expect(serverFindings(facts)).toEqual([]);
    expect(printed(facts)).toContain(`through the proxy ${through.url}: answers 200 with the file`);
  });

  it.each([
    [{ refused: 403 }, { kind: "answered", status: 403 }, []],
    [{ refused: 407 }, { kind: "refused", sent: true }, []],
    ["cut", { kind: "refused", sent: true }, []],
    [undefined, { kind: "silent", sent: true }, ["plain-http-silent"]],
  ] as const)("for plain HTTP that does %j is no false alarm", async (way, plain, rules) => {
    const there = await serve();
    const through = await proxy(
      { "public.example:443": there.port, ...(way === undefined ? {} : { "public.example:80": way }) },
      { names: ["HTTPS_PROXY", "HTTP_PROXY"] },
    );
    const facts = await factsOf(look({ ca: there.cert, patience: { plainMs: 100 } }));
    expect(facts.plain).toMatchObject({ ...plain, proxy: through.url });
    const found = serverFindings(facts);
    expect(rulesOf(found)).toEqual(rules);
    for (const { reason } of found) expect(reason).toContain(`through the proxy ${through.url}`);
  });
});

describe("the variables of a proxy", () => {
  const to = (url: string, environment: Readonly<Record<string, string>>): string | undefined =>
    proxyFor(new URL(url), environment);

  it("are one for each scheme", () => {
    const both = { HTTPS_PROXY: "http://a:1", http_proxy: "http://b:2" };
    expect(to("https://h.example", both)).toBe("http://a:1");
    expect(to("http://h.example", both)).toBe("http://b:2");
    expect(to("http://h.example", { HTTPS_PROXY: "http://a:1" })).toBeUndefined();
  });

  it("may leave out the scheme of the proxy, as for the clients", () => {
    expect(to("https://h.example", { HTTPS_PROXY: "proxy.example:3128" })).toBe("http://proxy.example:3128");
  });

  it("spare a host on one port, by the port of its scheme", () => {
    const spared = { HTTPS_PROXY: "a:1", HTTP_PROXY: "a:1", NO_PROXY: "h.example:80" };
    expect(to("https://h.example", spared)).toBe("http://a:1");
    expect(to("http://h.example", spared)).toBeUndefined();
  });

  it("may not name what Headwater does not speak, and the error holds no password", () => {
    for (const url of ["socks5://ali:sesame@a:1", "ftp://ali:sesame@a:1", "ali:sesame@a:1:2"]) {
      expect(() => to("https://h.example", { HTTPS_PROXY: url })).toThrow(/HTTPS_PROXY/);
      expect(() => to("https://h.example", { HTTPS_PROXY: url })).not.toThrow(/sesame/);
    }
    expect(() => to("http://h.example", { HTTP_PROXY: "socks5://a:1" })).toThrow(/SOCKS/);
  });
});
