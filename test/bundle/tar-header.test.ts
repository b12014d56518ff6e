import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { extract, type Header } from "tar-stream";
import { describe, expect, it } from "vitest";
import { END, padding, sizeInTar, type TarMember, tarHeader } from "../../src/bundle/tar-header.ts";

/** What a well-known reader makes of a member whose content is not written. */
async function read(member: TarMember): Promise<Header> {
  return new Promise((resolve, reject) => {
    const parser = extract();
    parser.on("entry", (header, stream) => {
      stream.on("error", () => undefined);
      resolve(header);
      parser.destroy();
    });
    parser.on("error", reject);
    parser.write(Buffer.from(tarHeader(member)));
    parser.write(Buffer.from(END));
  });
}

const name = fc
  .array(fc.stringMatching(/^[A-Za-z0-9._ äß本-]{1,60}$/), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join("/"));
const member = fc.record({
  path: name,
  size: fc.oneof(fc.nat(), fc.maxSafeNat()),
  seconds: fc.nat({ max: 4_000_000_000 }),
});

describe("the header of a member", () => {
  it("says to a reader of tar what was meant, however long the name and the content are", async () => {
    await fc.assert(
      fc.asyncProperty(member, async (one) => {
        const header = await read(one);
        expect(header).toMatchObject({
          name: one.path,
          size: one.size,
          type: "file",
          mode: 0o644,
          uid: 0,
          gid: 0,
        });
        expect(header.mtime?.getTime()).toBe(one.seconds * 1000);
      }),
      { numRuns: 200 },
    );
  });

  it("of a link leads to the other name", async () => {
    await fc.assert(
      fc.asyncProperty(name, name, async (path, link) => {
        const header = await read({ path, size: 0, seconds: 1, link });
        expect(header).toMatchObject({ name: path, linkname: link, type: "link", size: 0 });
      }),
      { numRuns: 100 },
    );
  });

  it("takes whole blocks, as its size in the archive says", () => {
    fc.assert(
      fc.property(member, (one) => {
        expect(sizeInTar(one) - one.size).toBe(tarHeader(one).byteLength + padding(one.size).byteLength);
        expect(sizeInTar(one) % 512).toBe(0);
      }),
    );
  });

  it("is the same for all time: bundles that were made once can be read", () => {
    const header = Buffer.from(
      tarHeader({ path: "images/a/root.squashfs", size: 1234, seconds: 1_790_000_000 }),
    );
    expect(header.subarray(0, 345).toString("latin1").replaceAll("\0", ".")).toBe(
      `images/a/root.squashfs${".".repeat(78)}0000644.0000000.0000000.00000002322.15254235600.012234. 0${".".repeat(100)}ustar.00${".".repeat(80)}`,
    );
    expect(header.byteLength).toBe(512);
  });

  it("is unpacked by the tar program", () => {
    const folder = mkdtempSync(join(tmpdir(), "headwater-tar-"));
    try {
      const path = `${"deep/".repeat(40)}ärger.txt`;
      const content = Buffer.from("some bytes");
      const first = { path, size: content.byteLength, seconds: 1_790_000_000 };
      const archive = [
        tarHeader(first),
        content,
        padding(content.byteLength),
        tarHeader({ path: "again", size: 0, seconds: 0, link: path }),
        END,
      ];
      writeFileSync(join(folder, "a.tar"), Buffer.concat(archive));
      execFileSync("tar", ["xf", "a.tar"], { cwd: folder });
      expect(execFileSync("cat", [path, "again"], { cwd: folder, encoding: "utf8" })).toBe(
        "some bytessome bytes",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
