import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { checkFiles, type ImageFiles } from "../../src/explain/check-files.ts";
import type { ListedFile } from "../../src/simplestreams/index.ts";
import type { FileAnswer, FileOptions, Tree } from "../../src/explain/tree.ts";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
const listed = (path: string, text: string, role: ListedFile["role"]): ListedFile => ({
  path,
  size: text.length,
  sha256: hashOf(text),
  role,
  item: path,
});

/** A tree of texts that counts what is asked of it. */
function treeOf(texts: Readonly<Record<string, string | FileAnswer>>): { tree: Tree; asked: string[] } {
  const asked: string[] = [];
  const file = async (path: string, { read }: FileOptions = {}): Promise<FileAnswer> => {
    asked.push(path);
    const text = texts[path];
    if (text === undefined) return { kind: "absent", why: "there is no such file" };
    if (typeof text !== "string") return text;
    read?.(Buffer.from(text));
    return { kind: "there", size: text.length };
  };
  const none = async (): Promise<undefined> => undefined;
  const document = async (): Promise<FileAnswer & { kind: "absent" }> => ({ kind: "absent", why: "none" });
  return { tree: { name: "a test", kind: "folder", document, file, server: none, close: none }, asked };
}

const META = listed("meta", "metadata", "metadata");
const ROOT = listed("root", "the root", "root");
const DISK = listed("disk", "the disk", "root");
const container: ImageFiles = { fingerprint: hashOf("metadatathe root"), files: [META, ROOT] };
const machine: ImageFiles = { fingerprint: hashOf("metadatathe disk"), files: [META, DISK] };
const TEXTS = { meta: "metadata", root: "the root", disk: "the disk" };

const rules = ({ findings }: Awaited<ReturnType<typeof checkFiles>>) => findings.map(({ rule }) => rule);

describe("checkFiles", () => {
  it("asks once for a file that two images share, and hashes it for both when it fetches", async () => {
    const { tree, asked } = treeOf(TEXTS);
    const looked = await checkFiles(tree, [container, machine, container], { fetch: false });
    expect(asked.toSorted()).toEqual(["disk", "meta", "root"]);
    expect(looked.files.map(({ looked: how }) => how)).toEqual(["head", "head", "head"]);
    const fetched = await checkFiles(tree, [container, machine], { fetch: true });
    expect(rules(fetched)).toEqual([]);
    expect(fetched.files).toHaveLength(3);
    expect(fetched.files.every(({ looked: how, state }) => how === "whole" && state === "there")).toBe(true);
  });

  it("says once what is wrong with a file that two images share", async () => {
    const { tree } = treeOf({ ...TEXTS, meta: "METADATA" });
    const fetched = await checkFiles(tree, [container, machine], { fetch: true });
    expect(rules(fetched)).toEqual(["served-hash", "served-fingerprint", "served-fingerprint"]);
    const { tree: without } = treeOf({ root: "the root", disk: "the disk" });
    expect(rules(await checkFiles(without, [container, machine], { fetch: true }))).toEqual(["file-missing"]);
  });

  it("finds root and metadata in the wrong order in the fingerprint only", async () => {
    const { tree } = treeOf(TEXTS);
    const swapped = { ...container, fingerprint: hashOf("the rootmetadata") };
    expect(rules(await checkFiles(tree, [swapped], { fetch: true }))).toEqual(["served-fingerprint"]);
    expect(rules(await checkFiles(tree, [swapped], { fetch: false }))).toEqual([]);
  });

  it("does not complain about bytes that are at an upstream", async () => {
    const away: FileAnswer = { kind: "there", size: 8, unread: "its bytes are at the upstream" };
    const { tree } = treeOf({ ...TEXTS, root: away });
    const fetched = await checkFiles(tree, [container], { fetch: true });
    expect(rules(fetched)).toEqual([]);
    expect(fetched.files[1]).toMatchObject({ state: "elsewhere", why: "its bytes are at the upstream" });
  });

  it("tells how far it is: files when it looks, bytes when it fetches", async () => {
    const { tree } = treeOf(TEXTS);
    for (const [fetch, total] of [
      [false, 2],
      [true, 16],
    ] as const) {
      const steps: (readonly number[])[] = [];
      await checkFiles(tree, [container], { fetch, onProgress: (done, all) => void steps.push([done, all]) });
      expect(steps.at(-1)).toEqual([total, total]);
    }
  });

  it("stops between two images after the signal", async () => {
    const stop = new AbortController();
    const { tree, asked } = treeOf(TEXTS);
    const onProgress = (): void => stop.abort("SIGINT");
    const work = checkFiles(tree, [container, machine], { fetch: true, signal: stop.signal, onProgress });
    await expect(work).rejects.toBe("SIGINT");
    expect(asked).not.toContain("disk");
  });
});
