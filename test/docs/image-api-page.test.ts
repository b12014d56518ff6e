import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Build, StagedRoot } from "../../src/intake/build.ts";
import { listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { publish } from "../../src/publish/publish.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { withOwnStream } from "../../src/views/image-stream.ts";
import { someBuild } from "../intake/some-build.ts";
import { type Answer, ask } from "../server/ask.ts";
import { type Site, sha256, startSite, until } from "../server/site.ts";
import { readPage } from "./page.ts";

const page = readPage("image-api.md");

/** What the page says that it leaves out; the length of JSON, too. */
const LEFT_OUT: ReadonlySet<string> = new Set(["date", "connection", "etag", "last-modified"]);

interface Exchange {
  readonly path: string;
  readonly agent: string | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Request, empty line, head of the answer, empty line, body. */
function exchangeIn(block: string): Exchange {
  const [request = "", head = "", ...body] = block.split("\n\n");
  const [line = "", ...requestHeaders] = request.split("\n");
  const [status = "", ...headers] = head.split("\n");
  return {
    path: /^GET (\S+) HTTP\/1\.1$/.exec(line)?.[1] ?? `not a request: ${line}`,
    agent: headersIn(requestHeaders)["user-agent"],
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(status)?.[1]),
    headers: headersIn(headers),
    body: body.join("\n\n"),
  };
}

function headersIn(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(": ");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 2)];
    }),
  );
}

const METADATA = Buffer.from("metadata");
const ROOT = Buffer.from("root");
const DISK = Buffer.from("disk");
const UNIFIED = Buffer.from("unified");

const file = (content: Buffer, extension: string): { sha256: string; size: number; extension: string } => ({
  sha256: sha256(content),
  size: content.byteLength,
  extension,
});

function splitImage(ftype: StagedRoot["ftype"], root: Buffer, extension: string): Build {
  const fingerprint = sha256(Buffer.concat([METADATA, root]));
  return someBuild(ftype, {
    names: { os: "tiny", release: "1", variant: "default", arch: "amd64" },
    files: {
      kind: "split",
      metadata: file(METADATA, "tar.xz"),
      roots: [{ ...file(root, extension), ftype, fingerprint }],
    },
  });
}

const container = splitImage("squashfs", ROOT, "squashfs");
const vm = splitImage("disk-kvm.img", DISK, "qcow2");
const unified = someBuild("unified", {
  names: { os: "tiny", release: "2", variant: "default", arch: "amd64" },
  files: { kind: "unified", image: file(UNIFIED, "tar.gz") },
});

describe("the page about the image API", () => {
  const sites: Site[] = [];
  const servers = new Map<string, Site>();

  /** The lists of the page are those of a server with one image; each of its other images has a server of its own. */
  async function serve(name: string, build: Build, blobs: readonly Buffer[]): Promise<void> {
    const store = createMemoryStore();
    const site = await startSite({ store });
    sites.push(site);
    const writer = await store.writer("test");
    for (const blob of blobs) await writer.put(blob);
    await publish(store, writer, (streams) => ({
      reason: { verb: "add", text: "a test" },
      streams: withOwnStream(streams, (products) => {
        const listing = new Listing(products);
        listBuild(listing, build, { now: new Date(0), from: "person" });
        return listing.file;
      }),
    }));
    await writer.close();
    await until(() => site.server.counters.generation === 1);
    servers.set(name, site);
  }

  beforeAll(async () => {
    await serve("container", container, [METADATA, ROOT]);
    await serve("vm", vm, [METADATA, DISK]);
    await serve("unified", unified, [UNIFIED]);
  });
  afterAll(() => Promise.all(sites.map((site) => site.close())));

  function serverFor(path: string): Site {
    const name = path.includes(sha256(Buffer.concat([METADATA, DISK])))
      ? "vm"
      : path.includes(sha256(UNIFIED))
        ? "unified"
        : "container";
    const site = servers.get(name);
    if (site === undefined) throw new Error(`nothing serves ${path}`);
    return site;
  }

  const exchanges = page.blocks("http").map(exchangeIn);

  it("shows every endpoint, a refusal, and the three forms of an export", () => {
    const shapes = exchanges.map(({ path, status }) => `${status} ${path.replace(/[0-9a-f]{8,}/, "FP")}`);
    expect(shapes.toSorted()).toEqual([
      "200 /1.0",
      "200 /1.0/images",
      "200 /1.0/images/FP",
      "200 /1.0/images/FP/export",
      "200 /1.0/images/FP/export",
      "200 /1.0/images/FP/export",
      "200 /1.0/images/aliases",
      "200 /1.0/images/aliases/tiny%2F1",
      "200 /1.0/images/aliases?recursion=1",
      "200 /1.0/images?recursion=1",
      "404 /1.0/images/aliases/nothing",
    ]);
  });

  it.each(exchanges)("shows the answer to GET $path as it is", async (shown) => {
    const { port, ca } = serverFor(shown.path);
    const headers = shown.agent === undefined ? {} : { "User-Agent": shown.agent };
    const answer = await ask(shown.path, { port, ca, headers });
    expect(answer.status).toBe(shown.status);
    expect(headersOf(answer)).toEqual(shown.headers);
    const isJson = shown.headers["content-type"] === "application/json";
    if (isJson) expect(JSON.parse(answer.body.toString())).toEqual(JSON.parse(shown.body));
    else expect(answer.body.toString().replaceAll("\r\n", "\n").trimEnd()).toBe(shown.body.trimEnd());
  });

  it("names every field of an image in its table, and no other", async () => {
    const { port, ca } = serverFor("/1.0");
    const answer = await ask("/1.0/images?recursion=1", { port, ca });
    const { metadata } = JSON.parse(answer.body.toString()) as { metadata: object[] };
    const table = page.text.slice(page.text.indexOf("### An image\n"), page.text.indexOf("### An alias\n"));
    const rows = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = ""]) => cell.split(", "));
    expect(rows.toSorted()).toEqual(
      Object.keys(metadata[0] ?? {})
        .map((field) => `\`${field}\``)
        .toSorted(),
    );
  });
});

function headersOf(answer: Answer): Record<string, string> {
  const isJson = answer.headers["content-type"] === "application/json";
  return Object.fromEntries(
    Object.entries(answer.headers)
      .filter(([name]) => !LEFT_OUT.has(name) && !(isJson && name === "content-length"))
      .map(([name, value]) => [name, String(value)]),
  );
}
