import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Tree } from "../../src/explain/tree.ts";

export interface TreeUnderTest {
  readonly tree: Tree;
  readonly remove: () => Promise<void>;
}

/** A tree with this document, and a file at `FILE` whose content is its own path. */
export const DOCUMENT = "streams/v1/images.json";
export const FILE = "a-file";

/** What a tree has to do, wherever it is. `documentText` is what was put at `DOCUMENT`. */
export function treeContract(
  kind: Tree["kind"],
  open: () => Promise<TreeUnderTest & { readonly documentText: string }>,
): void {
  describe(`a tree of the kind ${kind}`, () => {
    let under: Awaited<ReturnType<typeof open>>;
    let tree: Tree;
    beforeEach(async () => {
      under = await open();
      ({ tree } = under);
    });
    afterEach(async () => {
      await tree.close();
      await under.remove();
    });

    it("has its kind and a name that is safe to print", () => {
      expect(tree.kind).toBe(kind);
      expect(tree.name).toMatch(/^[^\p{Cc}\p{Cf}]+$/u);
    });

    it("gives a document whole, each time", async () => {
      for (const _ of [1, 2]) {
        const answer = await tree.document(DOCUMENT);
        expect(answer.kind).toBe("there");
        const text = answer.kind === "there" ? Buffer.from(answer.bytes).toString() : "";
        expect(text).toBe(under.documentText);
      }
    });

    it.each([
      ["a document", (path: string) => tree.document(path)],
      ["a file", (path: string) => tree.file(path)],
      ["a file that is wanted whole", (path: string) => tree.file(path, { read: () => undefined })],
    ])("says why %s is not there, as a sentence without a full stop", async (_what, ask) => {
      for (const path of ["no/such/thing", "../outside", ""]) {
        const answer = await ask(path);
        expect(answer.kind, path).toBe("absent");
        expect(answer.kind === "absent" && answer.why, path).toMatch(/^\S.*[^.]$/);
      }
    });

    it("says how large a file is without reading it", async () => {
      expect(await tree.file(FILE)).toMatchObject({ kind: "there", size: FILE.length });
    });

    it("gives a file's bytes in order", async () => {
      const pieces: Buffer[] = [];
      const answer = await tree.file(FILE, { read: (piece) => void pieces.push(Buffer.from(piece)) });
      expect(answer).toMatchObject({ kind: "there", size: FILE.length });
      expect(Buffer.concat(pieces).toString()).toBe(FILE);
    });

    it("takes a file with exactly as many bytes as are wanted, and none with more", async () => {
      const read = (): void => undefined;
      expect(await tree.file(FILE, { read, most: FILE.length })).toMatchObject({ kind: "there" });
      expect(await tree.file(FILE, { read, most: FILE.length - 1 })).toMatchObject({ kind: "absent" });
    });

    it("rejects what is asked after the signal", async () => {
      const signal = AbortSignal.abort("SIGINT");
      await expect(tree.document(DOCUMENT, { signal })).rejects.toBe("SIGINT");
      await expect(tree.file(FILE, { signal })).rejects.toBe("SIGINT");
      await expect(tree.file(FILE, { signal, read: () => undefined })).rejects.toBe("SIGINT");
    });

    it("has facts about a server, if it is one", async () => {
      expect((await tree.server()) !== undefined).toBe(kind === "server");
    });
  });
}
