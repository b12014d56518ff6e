import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { blockWith, readPage } from "../docs/page.ts";
import { emptyDaemons } from "./daemons.ts";
import { freshPort } from "./fresh-port.ts";
import { ARCHITECTURE, busyboxRoot, metadataTarball, squashfs } from "./image-files.ts";
import { type Outcome, attempt, run } from "./program.ts";
import { sha256OfFiles } from "./sample-images.ts";
import { daemons, FAMILIES, User } from "./user.ts";

const page = readPage("image-api.md");
const program = blockWith(page, "js", "createServer").replace('"x86_64"', `"${ARCHITECTURE.kernel}"`);

const COPY = "image copy tiny:tiny/1 local:";
const EXPORT = "image export tiny:tiny/1 ./";
const INFO = "image info tiny:tiny/1";
const LIST = "image list tiny:";
const LAUNCH = "launch tiny:tiny/1 c1";
const ADD = "remote add tiny";
const FORM = '{ "Content-Type": "multipart/form-data; boundary=part" }';
const PUBLIC = "  public: true,\n";
const CREATED = '"2026-01-02T03:04:05Z"';
const SIZE = "size: metadata.length + root.length";

interface Fault {
  readonly fault: string;
  /** What is replaced in the program of the page; nothing when it is empty. */
  readonly from: string;
  readonly to: string;
  readonly words: string;
}

const TYPE = '  type: "container",\n';
const ALIAS_TYPE = 'target: fingerprint, type: "container"';
const HASHED = ".update(metadata).update(root)";
const ENVELOPE = '{ type: "sync", status: "Success", status_code: 200, metadata: found }';
const ARCH = `architecture: "${ARCHITECTURE.kernel}"`;
const UNIFIED = ".end(Buffer.concat([metadata, root]))";

type Row = readonly [fault: string, from: string, to: string, words: string, says: string];

/** The table of pitfalls: a fault, what somebody types, and what both clients say then. */
const PITFALLS: readonly Row[] = [
  ["no /1.0", 'if (path === "/1.0") return server;', "", ADD, "Not Found"],
  ["no envelope", ENVELOPE, "found", ADD, "unexpected end of JSON input"],
  ["an old TLS", 'minVersion: "TLSv1.3"', 'maxVersion: "TLSv1.2"', ADD, "protocol version not supported"],
  ["no public", PUBLIC, "", COPY, "Not Found"],
  ["no public", PUBLIC, "", LAUNCH, "Not Found"],
  ["a size in quotes", SIZE, 'size: "12"', LIST, "cannot unmarshal string into Go struct field Image.size"],
  [
    "a boolean property",
    'release: "1"',
    "release: false",
    LIST,
    "cannot unmarshal bool into Go struct field Image.properties",
  ],
  [
    "recursion ignored",
    "recursion ? [image] : ",
    "",
    LIST,
    "cannot unmarshal string into Go value of type api.Image",
  ],
  ["an empty date", CREATED, '""', LIST, "parsing time"],
  ["a date without a time", CREATED, '"2026-01-02"', LIST, "parsing time"],
  ["%2F compared as it is", "decodeURIComponent(path) ===", "path ===", INFO, "Not Found"],
  [
    "another type in the alias",
    ALIAS_TYPE,
    ALIAS_TYPE.replace("container", "virtual-machine"),
    LAUNCH,
    "Failed getting remote image info",
  ],
  ["no VM", "", "", `${LAUNCH} --vm`, "Asked for a VM but image is of type container"],
  [
    "a shortened fingerprint",
    "  fingerprint,\n",
    "  fingerprint: fingerprint.slice(0, 12),\n",
    COPY,
    "Failed remote image download: Not Found",
  ],
  [
    "root before metadata in the hash",
    HASHED,
    ".update(root).update(metadata)",
    EXPORT,
    "Image fingerprint doesn't match",
  ],
  [
    "root before metadata in the hash",
    HASHED,
    ".update(root).update(metadata)",
    COPY,
    "Image fingerprint doesn't match",
  ],
  ["another first part", 'part("metadata"', 'part("rootfs"', EXPORT, "Invalid multipart image"],
  ["another second part", 'part("rootfs"', 'part("root"', COPY, "Invalid multipart image"],
  ["no header", FORM, "{}", EXPORT, "mime: no media type"],
  [
    "a name with a space",
    FORM,
    '{ "Content-Disposition": "inline; filename=a b.tar" }',
    EXPORT,
    "mime: invalid media parameter",
  ],
  [
    "a name without a dot",
    `${FORM}).end(form)`,
    `{ "Content-Disposition": "inline; filename=image" })${UNIFIED}`,
    `${EXPORT}target`,
    "panic: runtime error: index out of range",
  ],
  [
    "a range that nobody asked for",
    `writeHead(200, ${FORM}`,
    `writeHead(206, ${FORM}`,
    EXPORT,
    "206 Partial Content",
  ],
  ["nothing wrong", "", "", `${COPY} --mode relay`, "Not Found"],
  ["an unknown type", TYPE, '  type: "vm",\n', COPY, "Invalid instance type"],
  ["an unknown architecture", ARCH, 'architecture: "all"', LAUNCH, "Architecture isn't supported"],
];

/** What the page says does no harm, or less than one would think. */
const HARMLESS: readonly Fault[] = [
  { fault: "no public", from: PUBLIC, to: "", words: INFO },
  { fault: "no size", from: `  ${SIZE},\n`, to: "", words: COPY },
  { fault: "no aliases in the image", from: "  aliases: [{", to: "  ignored: [{", words: INFO },
  { fault: "no date", from: `  created_at: ${CREATED},\n`, to: "", words: LIST },
  { fault: "no type in the image", from: TYPE, to: "", words: LAUNCH },
  { fault: "no type in the alias", from: ALIAS_TYPE, to: "target: fingerprint", words: LAUNCH },
  {
    fault: "another type in the alias",
    from: ALIAS_TYPE,
    to: ALIAS_TYPE.replace("container", "virtual-machine"),
    words: INFO,
  },
  {
    fault: "the name of Debian for an architecture",
    from: ARCH,
    to: `architecture: "${ARCHITECTURE.debian}"`,
    words: LAUNCH,
  },
  { fault: "an unknown architecture", from: ARCH, to: 'architecture: "all"', words: COPY },
  { fault: "no type in the envelope", from: 'type: "sync", ', to: "", words: COPY },
];

describe.skipIf(inject("daemons") === undefined)("the image API as its page describes it", () => {
  let folder: string;
  let fingerprint: string;
  let server: { readonly child: ChildProcess; readonly url: string; requests(): string[] } | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(daemons().folder, "api-page-"));
    const metadata = await metadataTarball(folder, { os: "Tiny", release: "1" });
    const root = await squashfs(await busyboxRoot(folder, "tiny"), join(folder, "rootfs.squashfs"));
    fingerprint = await sha256OfFiles([metadata, root]);
    await run("sh", ["-eu"], { cwd: folder, input: blockWith(page, "sh", "openssl") });
  });
  afterEach(async () => {
    server?.child.kill();
    await emptyDaemons(daemons());
  });

  /** The program of the page, with `from` in it replaced. */
  async function serve(from = "", to = ""): Promise<NonNullable<typeof server>> {
    if (!program.includes(from)) throw new Error(`the program of the page has no ${from}`);
    await writeFile(
      join(folder, "serve-one.mjs"),
      program.replace(from, () => to),
    );
    const port = await freshPort();
    const args = ["--pdeathsig", "TERM", process.execPath, "serve-one.mjs", String(port)];
    const child = spawn("setpriv", args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const url = `https://127.0.0.1:${port}`;
    server = { child, url, requests: () => output.split("\n").filter((line) => line !== "") };
    await expect.poll(async () => (await attempt("curl", ["-ksf", `${url}/1.0/images`])).status).toBe(0);
    return server;
  }

  async function typed(user: User, words: string): Promise<Outcome> {
    const { url } = server ?? { url: "" };
    if (words === ADD) return user.answering("y\n", "remote", "add", "tiny", url, "--public");
    const inHome = words.replace(" ./", ` ${user.home}/`);
    return user.attempt(...inHome.split(" "));
  }

  test("its smallest server is enough for both clients, and they ask in the order it says", async () => {
    const started = await serve();
    const sessions = blockWith(page, "text", "$ image list").split(/^\$ /m).slice(1);
    for (const family of FAMILIES) {
      const user = await User.create(family);
      for (const session of sessions) {
        const [words = "", ...promised] = session.trim().split("\n");
        const before = started.requests().length;
        const outcome = await typed(user, words.startsWith(ADD) ? ADD : words);
        expect(outcome, `${family} ${words}`).toMatchObject({ status: 0 });
        expect(started.requests().slice(before).map(asWritten), `${family} ${words}`).toEqual(promised);
      }
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("tiny\n");
      await emptyDaemons(daemons());
    }
  });

  /** A daemon adds its storage drivers to what it says of itself. */
  function asWritten(line: string): string {
    const [method = "", url = "", ...agent] = line.split(" ");
    const who = /\) \(/.test(agent.join(" ")) ? "daemon" : "command line";
    return `${who.padEnd(15)}${method} ${url.replace(fingerprint, "FINGERPRINT")}`;
  }

  test.each(PITFALLS.map(([fault, from, to, words, says]) => ({ fault, from, to, words, says })))(
    "with $fault, $words says $says, as in the table of pitfalls",
    async ({ from, to, words, says }) => {
      expect(page.text.slice(page.text.indexOf("| field | type |"))).toContain(says);
      await serve(from, to);
      for (const family of FAMILIES) {
        const user = await User.create(family);
        if (words !== ADD) await typed(user, ADD);
        const outcome = await typed(user, words);
        expect(outcome.status, family).not.toBe(0);
        expect(outcome.stderr, family).toContain(says);
      }
    },
  );

  test.each(HARMLESS)("with $fault, $words works all the same", async ({ from, to, words }) => {
    await serve(from, to);
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await typed(user, ADD);
      expect(await typed(user, words), family).toMatchObject({ status: 0 });
    }
  });

  test("a filter that is promised and not applied lists everything", async () => {
    for (const [promise, rows] of [
      ["[]", 0],
      ['["api_filtering"]', 1],
    ] as const) {
      await serve("const server = {", `const server = { api_extensions: ${promise},`);
      for (const family of FAMILIES) {
        const user = await User.create(family);
        await typed(user, ADD);
        expect(await user.list("tiny", "type=virtual-machine"), family).toHaveLength(rows);
      }
    }
  });

  test("a path, a query and a password in the URL of a remote are dropped", async () => {
    const { url } = await serve();
    for (const family of FAMILIES) {
      const user = await User.create(family);
      const long = `${url.replace("//", "//user:secret@")}/below?a=b`;
      const added = await user.answering("y\n", "remote", "add", "tiny", long, "--public");
      expect(added, family).toMatchObject({ status: 0 });
      expect(await user.run("remote", "list", "--format", "csv"), family).toContain(`tiny,${url},`);
    }
  });

  test("a relayed copy works by fingerprint", async () => {
    await serve();
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await typed(user, ADD);
      await user.run("image", "copy", `tiny:${fingerprint}`, "local:", "--mode", "relay");
      expect((await user.localImages()).map((image) => image.fingerprint)).toEqual([fingerprint]);
    }
  });
});
