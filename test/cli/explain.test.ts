import { mkdtemp, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Edit } from "../../src/simplestreams/index.ts";
import {
  faultlessTree,
  FINGERPRINT,
  inProduct,
  METADATA_PATH,
  ROOT_PATH,
  secondProduct,
  smallTree,
  writeTree,
} from "../explain/small-tree.ts";
import { type Captured, type FakeIoOptions, headwater } from "./fake-io.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-explain-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs `explain ./tree ...` on the smallest tree with changes. */
async function explained(edits: readonly Edit[], ...argv: string[]): Promise<Captured> {
  await writeTree(join(folder, "tree"), smallTree(edits));
  return explain("./tree", ...argv);
}

const explain = (...argv: string[]) => headwater(["explain", ...argv], { cwd: folder });

async function jsonOf(answer: Promise<Captured>): Promise<Record<string, unknown>> {
  return JSON.parse((await answer).stdout) as Record<string, unknown>;
}

/** Rules that a report on stdout names, in its order. */
const rulesIn = ({ stdout }: Captured) =>
  [...stdout.matchAll(/^(?:error|warning|note) ([a-z-]+):/gm)].map(([, rule]) => rule);

const UPPER_CASE = [inProduct("arch", "AMD64")];
const NO_FORMAT: Edit[] = [{ document: "products", at: ["format"] }];

describe("headwater explain of a folder", () => {
  it("draws the tree, counts what each client lists, and ends with 0 when there is no error", async () => {
    const { status, stdout, stderr } = await explained([]);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^\.\/tree\n├── streams\/v1\/index\.json +\d+ B\n/);
    expect(stdout).toMatch(/── streams\/v1\/images\.json .* 1 product, 1 version, 3 items\n/);
    expect(stdout).toMatch(/Incus and LXD +1 image\n +sstream +3 items\n +lxc-create +nothing\n/);
    expect(stdout).toMatch(
      /0 errors, 0 warnings, 1 note\.\n2 files looked for; --fetch compares hashes too\.\n$/,
    );
  });

  it("has nothing to say against a tree in which all is right", async () => {
    await writeTree(folder, faultlessTree());
    expect((await explain(".", "--fetch", "--strict")).stdout).toMatch(
      /Nothing to say against it\.\n2 files fetched\.\n$/,
    );
  });

  it("ends with 1 on an error, and says rule, place, reason, readers, symptom, remedy and source", async () => {
    const { status, stdout } = await explained(UPPER_CASE);
    expect(status).toBe(1);
    expect(stdout).toContain('  streams/v1/images.json: products["demo:1:default:amd64"].arch\n');
    for (const line of [/^error unknown-architecture: .*\.$/m, /^ {6}no client knows .*"AMD64"$/m])
      expect(stdout).toMatch(line);
    for (const label of ["For:    Incus and LXD", "Shows:  ", "Mend:   ", "Source: "])
      expect(stdout).toContain(`\n  ${label}`);
  });

  it("ends with 2 on warnings with --strict only", async () => {
    expect((await explained(NO_FORMAT)).status).toBe(0);
    expect((await explain("./tree", "--strict")).status).toBe(2);
    expect((await explained(UPPER_CASE, "--strict")).status).toBe(1);
  });

  it("shows with --quiet errors and warnings only", async () => {
    expect((await explained([], "--quiet")).stdout).toBe("");
    const { stdout } = await explained(NO_FORMAT, "--quiet");
    expect(stdout).toMatch(/^warning sstream-format:/);
    expect(stdout).not.toContain("note");
  });

  it("shows three places of a rule, and all of them with --all", async () => {
    const many = [1, 2, 3, 4, 5].map((number) =>
      secondProduct({ arch: "AMD64", aliases: `many/${number}` }, `many:${number}:default:amd64`),
    );
    expect((await explained(many)).stdout).toContain("  and 2 more places (--all shows them)\n");
    const { stdout } = await explain("./tree", "--all");
    expect(stdout).toContain('products["many:5:default:amd64"].arch');
    expect(stdout).not.toContain("more place");
  });

  it("says once what is the same in the metadata for Incus and for LXD", async () => {
    const at = ["products", "demo:1:default:amd64", "versions", "20260101_0000", "items"];
    const wrong = (item: string): Edit => ({
      document: "products",
      at: [...at, item, "sha256"],
      value: "AB",
    });
    const { stdout } = await explained([wrong("incus.tar.xz"), wrong("lxd.tar.xz")]);
    expect(stdout).toContain('items["incus.tar.xz"].sha256 (and the same in lxd.tar.xz)\n');
    expect(stdout).not.toContain('items["lxd.tar.xz"]');
  });

  it("makes control characters in names visible", async () => {
    const { stdout } = await explained([secondProduct({ arch: "x\u001b[2J" }, "a\u001b]0;b\u202e")]);
    for (const raw of ["\u001b", "\u202e"]) expect(stdout).not.toContain(raw);
    expect(stdout).toContain("\\u001b");
    const named = await explain("./tree", "x\u001b[31m");
    expect(named.stdout).toMatch(/^x\\u001b\[31m in \.\/tree: no alias/);
  });

  it("uses colours on a terminal, and none elsewhere or with NO_COLOR", async () => {
    await writeTree(join(folder, "tree"), smallTree(UPPER_CASE));
    const on = (options: FakeIoOptions) => headwater(["explain", "tree"], { cwd: folder, ...options });
    expect((await on({ isTTY: true })).stdout).toContain("\u001b[31merror");
    expect((await on({ isTTY: true, env: { NO_COLOR: "1" } })).stdout).not.toContain("\u001b");
    expect((await on({})).stdout).not.toContain("\u001b");
  });

  it("wraps prose on a terminal and leaves lines whole elsewhere", async () => {
    await writeTree(join(folder, "tree"), smallTree(UPPER_CASE));
    const env = { NO_COLOR: "1" };
    const { stdout } = await headwater(["explain", "tree"], { cwd: folder, isTTY: true, env });
    const prose = stdout.split("\n").filter((line) => /^ {2}(?:Source|Mend|Shows|For):|^ {10}\S/.test(line));
    expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect((await explain("tree")).stdout).toMatch(/^ {2}Source: products\.go.*its arch$/m);
  });

  it("takes a folder by its name, and one below the home folder by ~", async () => {
    await writeTree(join(folder, "tree"), smallTree());
    expect((await explain("tree")).stdout).toMatch(/^tree\n/);
    const atHome = await headwater(["explain", "~/tree"], { cwd: "/", home: folder });
    expect(atHome).toMatchObject({ status: 0, stdout: expect.stringMatching(/^~\/tree\n/) });
  });
});

describe("headwater explain --fetch", () => {
  beforeEach(() => writeTree(join(folder, "tree"), smallTree()));
  const fetched = () => explain("./tree", "--fetch");

  it("finds a file that is too short, and does not call its hash wrong as well", async () => {
    await truncate(join(folder, "tree", ROOT_PATH), 5);
    const found = await fetched();
    expect(found.status).toBe(1);
    expect(rulesIn(found)).toEqual(["served-size", "served-fingerprint", "lxc-index"]);
    expect(rulesIn(await explain("./tree"))).toEqual(["served-size", "lxc-index"]);
  });

  it("finds other bytes of the same size, which a look does not", async () => {
    await writeFile(join(folder, "tree", ROOT_PATH), "WHAT is in the root");
    expect(rulesIn(await explain("./tree"))).toEqual(["lxc-index"]);
    expect(rulesIn(await fetched())).toEqual(["served-hash", "served-fingerprint", "lxc-index"]);
  });

  it("finds a file that is gone", async () => {
    await unlink(join(folder, "tree", METADATA_PATH));
    expect(rulesIn(await fetched())).toEqual(["file-missing", "lxc-index"]);
  });

  it("finds a fingerprint that is not that of metadata and root", async () => {
    const at = ["products", "demo:1:default:amd64", "versions", "20260101_0000", "items"];
    const edits = ["incus.tar.xz", "lxd.tar.xz"].map(
      (item): Edit => ({
        document: "products",
        at: [...at, item, "combined_squashfs_sha256"],
        value: "4".repeat(64),
      }),
    );
    await writeTree(join(folder, "tree"), smallTree(edits));
    const found = await fetched();
    expect(rulesIn(found)).toEqual(["served-fingerprint", "lxc-index"]);
    expect(found.stdout).toContain(`that of the files is ${FINGERPRINT}`);
  });

  it("says of each file of a name how it is", async () => {
    expect((await explain("./tree", "demo/1", "--fetch")).stdout).toMatch(
      /1\. images\/demo\/meta\.tar\.xz, 23 B, fetched, and right\n +2\. images\/demo\/root\.squashfs, 19 B, fetched, and right\n/,
    );
    await writeFile(join(folder, "tree", ROOT_PATH), "WHAT is in the root");
    const { stdout } = await explain("./tree", "demo/1", "--fetch");
    expect(stdout).toMatch(/2\. images\/demo\/root\.squashfs, 19 B, there, and WRONG: the sha256 listed is /);
  });

  it("ends at once after Ctrl-C", async () => {
    const stopped = AbortSignal.abort("SIGINT");
    const { status, stdout } = await headwater(["explain", "./tree", "--fetch"], {
      cwd: folder,
      signal: stopped,
    });
    expect(status).toBe(130);
    expect(stdout).toBe("");
  });
});

describe("headwater explain of one name", () => {
  it("tells where an alias leads, with the files in the order in which they are fetched", async () => {
    const { status, stdout } = await explained([], "demo/1");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^demo\/1 in \.\/tree: an alias\n\nIncus and LXD on x86_64: its only version of /);
    expect(stdout).toContain(`  Fingerprint: ${FINGERPRINT}\n`);
    expect(stdout).toMatch(/1\. images\/demo\/meta\.tar\.xz.*\n +2\. images\/demo\/root\.squashfs/);
  });

  it.each([
    ["an alias with its architecture", "demo/1/amd64", "an alias"],
    ["the key of a product", "demo:1:default:amd64", "a product"],
    ["the beginning of a fingerprint", FINGERPRINT.slice(0, 8), "the beginning of a fingerprint"],
  ])("takes %s", async (_what, name, kind) => {
    const { status, stdout } = await explained([], name);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${name} in \\./tree: ${kind}\\n`));
    expect(stdout).toContain(FINGERPRINT);
  });

  it("tells whom an alias belongs to that two products have", async () => {
    const found = await explained([secondProduct({ aliases: "demo/1" })], "demo/1", "--strict");
    expect(found.status).not.toBe(0);
    expect(rulesIn(found).length).toBeGreaterThan(0);
    expect(found.stdout).toContain("demo:2:default:amd64");
  });

  it("tells that another architecture's image is taken by chance", async () => {
    const { stdout } = await explained([inProduct("arch", "arm64")], "demo/1");
    expect(stdout).toMatch(
      / on x86_64: .*; there is no "demo\/1" for x86_64, and which other one is taken is chance\n/,
    );
    expect(stdout).toMatch(/ on aarch64: its only version of /);
  });

  it("tells why nobody lists what an alias is about, and leaves out what is wrong elsewhere", async () => {
    const found = await explained([secondProduct({ aliases: "demo/2", arch: "AMD64" })], "demo/2");
    expect(found.status).toBe(1);
    expect(found.stdout).toMatch(/^demo\/2 in \.\/tree: an alias, and no client finds an image by it\n/);
    expect(rulesIn(found)).toEqual(["unknown-architecture"]);
    expect(rulesIn(await explain("./tree", "demo/1"))).toEqual([]);
  });

  it("ends with 3 for a name that is not there, and shows similar ones", async () => {
    const { status, stdout } = await explained([], "demo");
    expect(status).toBe(3);
    expect(stdout).toContain("no alias, no product, and the beginning of no fingerprint");
    expect(stdout).toContain("\nSimilar names there:\n  demo/1\n");
    expect(stdout).toMatch(/There is nothing of that name\.\n$/);
  });

  it("ends with 1 for a name in a tree that cannot be read: it may be there", async () => {
    const found = await explained([{ document: "products", at: [], value: "<html>" }], "demo/1");
    expect(found.status).toBe(1);
    expect(rulesIn(found)).toContain("json-text");
  });

  it("ends with 3 for hex digits that once were an alias", async () => {
    expect((await explained([], "beef")).status).toBe(3);
  });

  it("prints with --json what it found, also when that is nothing", async () => {
    const answer = await jsonOf(explained([], "demo", "--json"));
    expect(answer["name"]).toMatchObject({ name: "demo", kind: "nothing", answers: [] });
  });
});

describe("headwater explain --json", () => {
  it("has these keys, and one finding with these", async () => {
    const answer = await jsonOf(explained(UPPER_CASE, "--json"));
    expect(Object.keys(answer)).toEqual([
      "where",
      "kind",
      "answered",
      "readers",
      "findings",
      "more",
      "documents",
      "contents",
      "files",
      "server",
    ]);
    expect(answer).toMatchObject({ where: "./tree", kind: "folder", answered: true, more: {}, server: null });
    expect(answer["findings"]).toContainEqual({
      rule: "unknown-architecture",
      level: "error",
      readers: ["incus 6.0", "incus 7", "lxd 5.0", "lxd 5.21", "lxd 6"],
      document: "streams/v1/images.json",
      place: 'products["demo:1:default:amd64"].arch',
      product: "demo:1:default:amd64",
      version: null,
      item: null,
      value: "AMD64",
      reason: 'no client knows the architecture "AMD64"',
      mend: expect.any(String),
      source: expect.any(String),
    });
  });

  it("tells of each file whether it is there and how it was looked at", async () => {
    const { files } = await jsonOf(explained([], "--fetch", "--json"));
    expect(files).toEqual([
      { path: METADATA_PATH, size: 23, state: "there", looked: "whole", why: null },
      { path: ROOT_PATH, size: 19, state: "there", looked: "whole", why: null },
    ]);
  });
});

describe("headwater explain of what is no place", () => {
  it("ends with 3 for a folder that is not there, a file, and a word where there is no store", async () => {
    await writeTree(join(folder, "tree"), smallTree());
    const data = ["--data", join(folder, "none")];
    const said = async (where: string) => {
      const { status, stderr } = await explain(where, ...data);
      return `${status} ${stderr}`;
    };
    expect(await said("./none")).toMatch(/^3 .*there is no folder "\.\/none"\n.*streams\/v1\/index\.json is/);
    expect(await said("tree/streams/v1/index.json")).toMatch(
      /^3 .*is not a folder\n.*streams\/v1\/index\.json is/,
    );
    expect(await said("debian/12")).toMatch(/^3 .*"debian\/12" is no folder and no address.*\n.*--data/);
    expect(await said("images.example:8443")).toMatch(/explain https:\/\/images\.example:8443\n/);
  });

  it("ends with 2 for an address of another kind, --stream beside a place, and a certificate that is not there", async () => {
    await writeTree(join(folder, "tree"), smallTree());
    expect(await explain("ftp://images.example")).toMatchObject({ status: 2 });
    expect(await explain("./tree", "--stream", "images")).toMatchObject({ status: 2 });
    expect(await explain("https://127.0.0.1:1", "--ca", "none.pem")).toMatchObject({ status: 2 });
  });

  it("says that a folder has no index", async () => {
    const found = await explain(".");
    expect(found.status).toBe(1);
    expect(rulesIn(found)).toEqual(["index-missing", "lxc-index"]);
    expect(found.stdout).toContain("index.json  -  there is no such file\n");
  });
});
