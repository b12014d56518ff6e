import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BundleList, encodeBundleList } from "../../../src/bundle/bundle-list.ts";
import { headMember, LIST } from "../../../src/bundle/layout.ts";
import { pipedBundle } from "../../../src/bundle/source.ts";
import { END, padding, tarHeader } from "../../../src/bundle/tar-header.ts";
import { openOrMakeStore } from "../../../src/compose.ts";
import { HeadwaterError } from "../../../src/error.ts";
import { applyBundle } from "../../../src/intake/bundle/apply-bundle.ts";
import { verifyBundle } from "../../../src/intake/bundle/verify-bundle.ts";
import { KEEP_ALL } from "../../../src/retention/policy.ts";
import { carryIn, carryOut, listOf, newestOf } from "../../bundle/carry.ts";
import { type SomeSigner, someSigner } from "../../bundle/some-signer.ts";
import { type Site, temporarySite } from "../../cli/site.ts";

let site: Site;
let far: string;
let signer: SomeSigner;
let whole: Buffer;
let list: BundleList;

beforeAll(async () => {
  site = await temporarySite();
  far = join(site.folder, "far");
  signer = await someSigner();
  await site.json("add", ...(await site.files("a")));
  await carryOut(site.data, join(site.folder, "site.hwb"), { signer });
  whole = readFileSync(join(site.folder, "site.hwb"));
  list = await listOf(join(site.folder, "site.hwb"));
});
afterAll(() => site.remove());

/** The code with which a bundle is refused by someone who knows the sender's key. */
async function refusalOf(bytes: Uint8Array, allowUntrusted = false): Promise<string> {
  const file = join(site.folder, `damaged-${randomBytes(4).toString("hex")}.hwb`);
  writeFileSync(file, bytes);
  try {
    await carryIn(far, file, { keyring: signer.keyring, allowUntrusted });
  } catch (error) {
    if (error instanceof HeadwaterError) return error.code;
    throw error;
  }
  throw new Error("it was taken");
}

async function expectNothingHappened(): Promise<void> {
  expect(await newestOf(far)).toBe(0);
  expect(readdirSync(join(far, "incoming"))).toEqual([]);
}

/** Offsets that matter: in every header, in every file, in every filling. */
function places(): readonly { readonly what: string; readonly at: number }[] {
  const found = [{ what: "the list's header", at: 3 }];
  const text = whole.toString("latin1");
  const of = (what: string, needle: string, offset = 0): void => {
    const at = text.indexOf(needle);
    if (at === -1) throw new Error(`no ${needle}`);
    found.push({ what, at: at + offset });
  };
  of("the list", '"createdAt"', 20);
  of("the name of the signature", "bundle.json.asc", 2);
  of("the signature", "-----BEGIN PGP SIGNATURE", 60);
  of("the text for people", "This is a bundle", 3);
  of("the public key", "-----BEGIN PGP PUBLIC", 80);
  of("a document", '"index:1.0"', 2);
  const root = list.files.at(-1);
  of("a file's header", root?.path ?? "", 130);
  of("a file", root?.path ?? "", 512 + 7);
  found.push({ what: "what fills a block", at: whole.byteLength - 1024 - 1 });
  found.push({ what: "the end", at: whole.byteLength - 3 });
  return found;
}

describe("a bundle with one other bit", () => {
  it("is refused wherever that is, and nothing comes of it", async () => {
    for (const { what, at } of places()) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      expect([what, await refusalOf(bytes)]).toEqual([
        what,
        expect.stringMatching(/^BUNDLE_(?:INVALID|UNTRUSTED)$/),
      ]);
    }
    await expectNothingHappened();
  });

  it("is refused at random places too; of the signature's own text only what means nothing may differ", async () => {
    const from = whole.indexOf("-----BEGIN PGP SIGNATURE");
    const to = whole.indexOf("\0", from);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.byteLength - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
        fc.pre(at < from || at >= to);
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        expect(await refusalOf(bytes)).toMatch(/^BUNDLE_/);
      }),
      { numRuns: 100 },
    );
    await expectNothingHappened();
  });
});

describe("a bundle that is cut off", () => {
  it("is refused at any length, as a file and through a pipe", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.byteLength - 1 }), async (length) => {
        expect(await refusalOf(whole.subarray(0, length))).toBe("BUNDLE_INVALID");
        await expect(throughPipe(whole.subarray(0, length))).rejects.toMatchObject({
          code: "BUNDLE_INVALID",
        });
      }),
      { numRuns: 60 },
    );
    await expect(throughPipe(Buffer.concat([whole, Buffer.from("x")]))).rejects.toMatchObject({
      code: "BUNDLE_INVALID",
    });
    await expectNothingHappened();
  });

  it("and one that is not, in pieces of any length, is taken", async () => {
    await expect(throughPipe(whole, 777, join(site.folder, "piped"))).resolves.toMatchObject({
      generation: 1,
    });
  });
});

async function throughPipe(bytes: Uint8Array, piece = 10_000, data = far): Promise<unknown> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; at += piece) yield bytes.subarray(at, at + piece);
  }
  return applyBundle(await openOrMakeStore(data), pipedBundle("a pipe", pieces()), {
    names: new Map(),
    retention: KEEP_ALL,
    force: false,
    dryRun: false,
    keyring: signer.keyring,
    allowUntrusted: false,
    now: Date.now,
  });
}

/** A bundle with another list, and what follows it as it was. */
function withList(change: (before: BundleList) => unknown): Buffer {
  const bytes = encodeBundleList(change(list) as BundleList);
  const rest = whole.subarray(whole.indexOf("README.txt\0"));
  return Buffer.concat([tarHeader(headMember(LIST, bytes, list)), bytes, padding(bytes.byteLength), rest]);
}

describe("a hostile bundle", () => {
  const [first] = [(): BundleList["files"][number] => list.files[0] ?? { path: "", size: 0, sha256: "" }];

  it.each<[string, (before: BundleList) => unknown]>([
    [
      "a path that climbs out",
      (one) => ({ ...one, files: [{ ...first(), path: "images/../../etc/passwd" }] }),
    ],
    ["an absolute path", (one) => ({ ...one, files: [{ ...first(), path: "/etc/passwd" }] })],
    ["a path of no image stream", (one) => ({ ...one, files: [{ ...first(), path: "other/x" }] })],
    ["one path twice", (one) => ({ ...one, files: [first(), first()] })],
    ["a size below nothing", (one) => ({ ...one, files: [{ ...first(), size: -1 }] })],
    ["a size that no number holds", (one) => ({ ...one, files: [{ ...first(), size: 1e300 }] })],
    [
      "a larger size",
      (one) => ({ ...one, files: one.files.map((file) => ({ ...file, size: file.size + 1 })) }),
    ],
    [
      "a size of terabytes",
      (one) => ({ ...one, files: one.files.map((file) => ({ ...file, size: 2 ** 50 })) }),
    ],
    ["a hash that is none", (one) => ({ ...one, files: [{ ...first(), sha256: "../../x" }] })],
    ["a link to itself", (one) => ({ ...one, files: [{ ...first(), link: first().path }] })],
    [
      "a link to another file",
      (one) => ({ ...one, files: [first(), { ...one.files[1], link: first().path }] }),
    ],
    ["a base that is not named", (one) => ({ ...one, files: [{ ...first(), base: "0".repeat(32) }] })],
    [
      "a stream with a path for a name",
      (one) => ({ ...one, streams: [{ ...one.streams[0], name: "../x" }] }),
    ],
    ["documents that are not there", (one) => ({ ...one, documents: one.documents.slice(0, 1) })],
    ["a file that is listed and not inside", (one) => ({ ...one, files: one.files.slice(0, 1) })],
    [
      "a year before all others",
      (one) => ({ ...one, generation: { number: 1, createdAt: "0001-01-01T00:00:00Z" } }),
    ],
    ["another format", (one) => ({ ...one, format: 99 })],
    ["no list at all", () => null],
    ["a field that nobody knows", (one) => ({ ...one, files: [{ ...first(), mode: 0o4755 }] })],
  ])("with %s is refused even by who does not ask for signatures", async (_what, change) => {
    expect(await refusalOf(withList(change), true)).toBe("BUNDLE_INVALID");
    await expectNothingHappened();
  });

  it.each(["symlink", "block-device", "fifo", "directory"] as const)(
    "with a %s in the place of a file is refused",
    async (type) => {
      const file = list.files[0];
      const at = whole.indexOf(`${file?.path}\0`);
      const archive = pack();
      archive.entry({ name: file?.path ?? "", type, linkname: "/etc/passwd" });
      archive.finalize();
      const chunks: Uint8Array[] = [];
      for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
      const bytes = Buffer.from(whole);
      Buffer.concat(chunks).copy(bytes, at, 0, 512);
      expect(await refusalOf(bytes, true)).toBe("BUNDLE_INVALID");
      await expectNothingHappened();
    },
  );

  it("that is packed again by another program, or is something else, is refused", async () => {
    const archive = pack();
    archive.entry({ name: "README.txt" }, "hello");
    archive.finalize();
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
    for (const bytes of [
      Buffer.concat(chunks),
      randomBytes(5000),
      Buffer.alloc(0),
      Buffer.alloc(2048),
      END,
    ]) {
      expect(await refusalOf(bytes, true)).toBe("BUNDLE_INVALID");
    }
    const huge = Buffer.from(tarHeader({ path: LIST, size: 2 ** 33 - 1, seconds: 0 }));
    expect(await refusalOf(Buffer.concat([huge, Buffer.alloc(4096)]), true)).toBe("BUNDLE_INVALID");
    await expectNothingHappened();
  });

  it("whose image is not what its fingerprint says is refused, though each of its files is right", async () => {
    const text = whole.toString("latin1");
    const [fingerprint = ""] = /(?<="combined_squashfs_sha256":")[0-9a-f]{64}/.exec(text) ?? [];
    const other = Buffer.from(text.replaceAll(fingerprint, "0".repeat(64)), "latin1");
    const { createHash } = await import("node:crypto");
    const bytes = withListOf(other, (one) => ({
      ...one,
      documents: one.documents.map((document) => {
        const at = other.indexOf(`${document.path}\0`, other.indexOf("README.txt\0")) + 512;
        const content = other.subarray(at, at + document.size);
        return { ...document, sha256: createHash("sha256").update(content).digest("hex") };
      }),
    }));
    expect(fingerprint).not.toBe("");
    expect(await refusalOf(bytes, true)).toBe("BUNDLE_INVALID");
    await expectNothingHappened();
    const trust = { keyring: undefined, allowUntrusted: true, now: Date.now() };
    await expect(verifyBundle(pipedBundle("a pipe", once(bytes)), trust)).rejects.toMatchObject({
      code: "BUNDLE_INVALID",
      message: expect.stringContaining("fingerprint") as string,
    });
    await expect(verifyBundle(pipedBundle("a pipe", once(whole)), trust)).resolves.toMatchObject({
      unchecked: 0,
    });
  });
});

function withListOf(bundle: Buffer, change: (before: BundleList) => BundleList): Buffer {
  const bytes = encodeBundleList(change(list));
  const rest = bundle.subarray(bundle.indexOf("README.txt\0"));
  return Buffer.concat([tarHeader(headMember(LIST, bytes, list)), bytes, padding(bytes.byteLength), rest]);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
