import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { array, assert, asyncProperty, constantFrom, nat, record, string, uint8Array } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TarOptions, tarMembers } from "../../src/image/tar-members.ts";
import { writeTar } from "../../src/image/write-tar.ts";
import { failureOf } from "./failure.ts";
import { needProgram, through } from "./programs.ts";
import { temporaryFolder } from "./tiny-image.ts";

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => folder.remove());

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

interface Seen {
  readonly name: string;
  readonly type: string;
  readonly content: string;
}

async function read(bytes: Uint8Array, piece = 1000, options: Partial<TarOptions> = {}): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const member of tarMembers(inPieces(bytes, piece), { name: "x.tar", ...options })) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of member.content) chunks.push(chunk);
    seen.push({ name: member.name, type: member.type, content: Buffer.concat(chunks).toString("latin1") });
  }
  return seen;
}

describe("tarMembers", () => {
  it("gives every member with its content, however the bytes arrive, whether it is read or not", async () => {
    const members = array(
      record({
        name: string({ unit: constantFrom("a", "b", "é", "-"), minLength: 1, maxLength: 300 }),
        content: uint8Array({ maxLength: 3000 }),
      }),
      { maxLength: 6 },
    );
    await assert(
      asyncProperty(members, nat(4000), nat(), async (members, piece, skip) => {
        const bytes = await writeTar(
          members.map((member) => ({ ...member, mode: 0o644 })),
          1,
        );
        const seen = await read(bytes, piece + 1);
        expect(seen).toEqual(
          members.map(({ name, content }) => ({
            name,
            type: "file",
            content: Buffer.from(content).toString("latin1"),
          })),
        );
        const names: string[] = [];
        let index = 0;
        for await (const member of tarMembers(inPieces(bytes, piece + 1), { name: "x" })) {
          if (index++ === skip) for await (const chunk of member.content) expect(chunk).toBeDefined();
          names.push(member.name);
        }
        expect(names).toEqual(members.map(({ name }) => name));
      }),
      { numRuns: 60 },
    );
  });

  it("finds every cut, down to the end mark", async () => {
    const bytes = await writeTar(
      ["one", "two", "three"].map((name) => ({ name, mode: 0o644, content: Buffer.alloc(512, name) })),
      1,
    );
    await assert(
      asyncProperty(nat(bytes.length - 1025), nat(2000), async (length, piece) => {
        const failure = await failureOf(read(bytes.subarray(0, length), piece + 1));
        expect(failure.code).toBe("FILE_TRUNCATED");
      }),
    );
  });

  it("reads what GNU tar writes: long names, links, old and new formats", async (context) => {
    needProgram(context, "tar");
    const tree = join(folder.path, "tree");
    const long = `${"deep/".repeat(28)}${"n".repeat(90)}`;
    await mkdir(join(tree, "deep/".repeat(28)), { recursive: true });
    await writeFile(join(tree, long), "long");
    await symlink("deep", join(tree, "link"));
    for (const format of ["gnu", "oldgnu", "pax", "ustar"]) {
      const bytes = await through(Buffer.alloc(0), "tar", "-C", tree, `--format=${format}`, "-cf", "-", ".");
      const seen = await read(bytes);
      expect(seen.find(({ name }) => name === "link")?.type).toBe("symlink");
      expect(seen.find(({ name }) => name === long)?.content).toBe("long");
    }
  });

  it("does not take a sparse member for a file, since its bytes are not the file's", async (context) => {
    needProgram(context, "tar");
    const sparse = join(folder.path, "rootfs.img");
    await writeFile(sparse, "start");
    await truncate(sparse, 1 << 20);
    for (const format of ["gnu", "pax"]) {
      const args = ["-C", folder.path, `--format=${format}`, "-Scf", "-", "rootfs.img"];
      const [member] = await read(await through(Buffer.alloc(0), "tar", ...args));
      expect(member?.type).toBe("other");
    }
  });

  it("stops at a limit of members", async () => {
    const members = Array.from({ length: 20 }, (_, index) => ({ name: `${index}`, mode: 0o644 }));
    const bytes = await writeTar(members, 1);
    expect((await read(bytes, 1000, { maxMembers: 20 })).length).toBe(20);
    expect((await failureOf(read(bytes, 1000, { maxMembers: 19 }))).code).toBe("FILE_TOO_LARGE");
  });

  it("passes on what its source throws, and closes a source that it leaves", async () => {
    const bytes = await writeTar([{ name: "a", mode: 0o644, content: Buffer.alloc(5000) }], 1);
    let closed = false;
    async function* failing(): AsyncGenerator<Uint8Array> {
      try {
        yield bytes.subarray(0, 3000);
        throw new Error("the disk is on fire");
      } finally {
        closed = true;
      }
    }
    const reading = async (): Promise<void> => {
      for await (const member of tarMembers(failing(), { name: "x" })) expect(member.name).toBe("a");
    };
    await expect(reading()).rejects.toThrow("on fire");
    expect(closed).toBe(true);
    closed = false;
    for await (const member of tarMembers(failing(), { name: "x" })) {
      expect(member.size).toBe(5000);
      break;
    }
    expect(closed).toBe(true);
  });
});
