import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as library from "../../src/simplestreams/index.ts";
import { Browser, listening, whyNoBrowser } from "./browser.ts";

const missing = whyNoBrowser();
if (missing !== undefined) {
  if (process.env["HEADWATER_CLIENTS"] === "required") throw new Error(missing);
  console.log(`test/clients/browser.test.ts: skipped: ${missing}`);
}

const DOCUMENTS = ["linuxcontainers-images", "lxd-images", "ubuntu-releases"] as const;
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".json": "application/json" };

/** The page reaches its own server only, and says so when something in it asks for more. */
const POLICY = "default-src 'self' 'unsafe-inline'";

/** What the page sends back. */
interface Report {
  readonly error?: string;
  readonly results?: unknown;
  readonly refusal?: string;
  readonly list?: readonly string[];
}

type Library = typeof library;

/** All that the library says about some documents. It runs here and, as text, in the browser. */
async function ask(given: Library, read: (name: string) => Promise<string>, names: readonly string[]) {
  const answers: Record<string, unknown> = {};
  for (const name of names) {
    const text = await read(name);
    const file = given.parseProducts(text);
    answers[name] = given.renderProducts(file);
    for (const client of given.clientProfiles) {
      const { images } = given.imagesOfText(text, client);
      const invisible = given.invisible(file, client);
      answers[`${name} ${client.name}`] = { images, invisible, hazards: given.hazards(file, client) };
    }
  }
  return answers;
}

const text = readFileSync(`test/fixtures/simplestreams/${DOCUMENTS[0]}.json`, "utf8");
const images = library.imagesOf(library.parseProducts(text), library.clientProfile("incus"));

/** The example of the page about the library, followed by what reports to the test. */
function page(): string {
  const reference = readFileSync("docs/reference/library.md", "utf8");
  const example = /```html\n(.*?)```/s.exec(reference)?.[1] ?? "";
  return `<script>
    const report = (body) => fetch("/report", { method: "POST", body: JSON.stringify(body) });
    addEventListener("securitypolicyviolation", ({ blockedURI }) => {
      // zod tries once whether it may compile its checks, and does without.
      if (blockedURI !== "eval") report({ error: "asked for " + blockedURI });
    });
    const failed = ({ message, target }) => report({ error: message ?? "cannot load " + target.outerHTML.slice(0, 60) });
    addEventListener("error", failed, true);
    addEventListener("unhandledrejection", ({ reason }) => report({ error: String(reason) }));
  </script>
  ${example}
  <script type="module">
    import * as library from "headwater/simplestreams";
    const names = ${JSON.stringify(DOCUMENTS)};
    const read = async (name) => (await fetch("/test/fixtures/simplestreams/" + name + ".json")).text();
    ${ask.toString()}
    const results = await ask(library, read, names);
    let refusal;
    try { library.parseProducts("<html>", { name: "x" }); } catch (error) { refusal = error.code; }
    const lines = () => [...document.querySelectorAll("li")].map((line) => line.textContent);
    while (lines().length < ${images.length}) await new Promise((resolve) => setTimeout(resolve, 20));
    report({ results, refusal, list: lines() });
  </script>`;
}

/** Where the files of this project are for a page that has Headwater in its node_modules. */
function fileFor(path: string): string {
  if (path === "/streams/v1/images.json") return `test/fixtures/simplestreams/${DOCUMENTS[0]}.json`;
  return path.replace(/^\/node_modules\/headwater\//, "/").slice(1);
}

async function answer(path: string, response: ServerResponse): Promise<void> {
  try {
    const body = path === "/" ? page() : await readFile(join(".", fileFor(path)));
    const type = TYPES[extname(path)] ?? "text/html";
    response.writeHead(200, { "content-type": type, "content-security-policy": POLICY }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

describe.skipIf(missing !== undefined)("in a real browser", () => {
  const requests: string[] = [];
  let server: Server;
  let browser: Browser;
  let report: Report;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
      requests.push(path);
      if (path === "/report") {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          response.writeHead(204).end();
          server.emit("report", JSON.parse(Buffer.concat(chunks).toString()) as Report);
        });
        return;
      }
      void answer(path, response);
    });
    const { port } = await listening(server);
    const reported = once(server, "report") as Promise<[Report]>;
    browser = await Browser.open(`http://127.0.0.1:${port}/`);
    [report] = await reported;
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test("the library is loaded as it is installed, asks for nothing else, and meets no error", () => {
    expect(report.error).toBeUndefined();
    const rest = requests.filter((path) => !/^\/(node_modules|test\/fixtures)\/.*\.js(on)?$/.test(path));
    expect(new Set(rest.filter((path) => path !== "/favicon.ico"))).toEqual(
      new Set(["/", "/streams/v1/images.json", "/report"]),
    );
    expect(requests).toContain("/node_modules/headwater/dist/simplestreams/index.js");
    expect(requests).toContain("/node_modules/zod/index.js");
  });

  test("the page of the documentation lists what Incus lists", () => {
    expect(images.length).toBeGreaterThan(10);
    expect(report.list).toEqual(
      images.map((image) => `${image.aliases[0] ?? image.fingerprint}: ${image.description}`),
    );
  });

  test("every answer about every client is the one that Node gives", async () => {
    const read = (name: string) => readFile(`test/fixtures/simplestreams/${name}.json`, "utf8");
    const here = await ask(library, read, DOCUMENTS);
    expect(report.results).toEqual(JSON.parse(JSON.stringify(here)));
  });

  test("a wrong document is refused with a code", () => {
    expect(report.refusal).toBe("DOCUMENT_INVALID");
  });
});
