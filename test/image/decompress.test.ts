import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HeadwaterError } from "../../src/error.ts";
import { bunzip2Here } from "../../src/image/compression/bzip2.ts";
import { startFilter } from "../../src/image/compression/filter-program.ts";
import { decodeWithXzProgram } from "../../src/image/compression/xz-program.ts";
import { walkXzStreams } from "../../src/image/compression/xz-streams.ts";
import { type Compression, decoded } from "../../src/image/decompress.ts";
import { withImageFile } from "../../src/image/image-file.ts";
import { failureOf } from "./failure.ts";
import { needProgram, through } from "./programs.ts";
import { temporaryFolder } from "./tiny-image.ts";

let folder: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => folder.remove());

let files = 0;
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder.path, `${++files}.bin`);
  await writeFile(path, bytes);
  return path;
}

async function all(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function unpack(bytes: Uint8Array, compression: Compression, maxBytes?: number): Promise<Buffer> {
  const path = await file(bytes);
  const limit = maxBytes === undefined ? {} : { maxBytes };
  return withImageFile(path, async (open) => all(decoded(open, compression, limit)));
}

/** Compresses well in parts, and holds the bytes `YZ`, with which an xz stream ends. */
const text = Buffer.from(
  Array.from({ length: 40_000 }, (_, line) => `${line} ${(line * 7919) % 104_729} YZ\n`).join(""),
);

describe("decoded", () => {
  const variants = [
    ["xz", "default", ["xz", "-c"]],
    ["xz", "no check", ["xz", "-c", "--check=none"]],
    ["xz", "crc32", ["xz", "-c", "--check=crc32"]],
    ["xz", "sha256", ["xz", "-c", "--check=sha256"]],
    ["xz", "x86 filter", ["xz", "-c", "--x86", "--lzma2"]],
    ["xz", "many blocks", ["xz", "-c", "--block-size=65536"]],
    ["xz", "dictionary of 256 MiB", ["xz", "-c", "--lzma2=preset=0,dict=256MiB"]],
    ["lzma", "alone", ["xz", "-c", "--format=lzma"]],
    ["zstd", "default", ["zstd", "-c"]],
    ["zstd", "ultra", ["zstd", "-c", "--ultra", "-22"]],
    ["zstd", "long window", ["zstd", "-c", "--long=27"]],
    ["zstd", "no check sum", ["zstd", "-c", "--no-check"]],
    ["bzip2", "default", ["bzip2", "-c"]],
    ["bzip2", "small blocks", ["bzip2", "-c", "-1"]],
    ["gzip", "default", ["gzip", "-c"]],
  ] as const;
  it.for(variants)("gives back what was packed: %s, %s", async (row, context) => {
    const [compression, , [program, ...args]] = row;
    needProgram(context, program);
    const packed = await through(text, program, ...args);
    expect((await unpack(packed, compression)).equals(text)).toBe(true);
  });

  it.for(["gzip", "xz", "zstd", "bzip2"] as const)(
    "reads several pieces one after another as one: %s",
    async (compression, context) => {
      needProgram(context, compression);
      const packed = await through(text, compression, "-c");
      const twice = await unpack(Buffer.concat([packed, packed]), compression);
      expect(twice.equals(Buffer.concat([text, text]))).toBe(true);
    },
  );

  it.for(["gzip", "xz", "lzma", "zstd", "bzip2"] as const)(
    "refuses what unpacks to more than allowed: %s",
    async (compression, context) => {
      const program = compression === "lzma" ? "xz" : compression;
      needProgram(context, program);
      const format = compression === "lzma" ? ["--format=lzma"] : [];
      const packed = await through(Buffer.alloc(4 << 20), program, "-c", ...format);
      const failure = await failureOf(unpack(packed, compression, 1 << 20));
      expect(failure.code).toBe("FILE_TOO_LARGE");
    },
  );

  it("stops reading when the consumer does", async () => {
    const path = await file(gzipSync(Buffer.alloc(64 << 20)));
    let chunks = 0;
    await withImageFile(path, async (open) => {
      for await (const chunk of decoded(open, "gzip")) {
        chunks += chunk.length > 0 ? 1 : 0;
        if (chunks === 2) break;
      }
    });
    expect(chunks).toBe(2);
  });

  it("stops when told to", async () => {
    const path = await file(gzipSync(text));
    const signal = AbortSignal.abort(new Error("stop"));
    const reading = withImageFile(path, async (open) => all(decoded(open, "gzip", { signal })));
    await expect(reading).rejects.toThrow("stop");
  });
});

describe("walkXzStreams", () => {
  it("adds up the sizes of all streams, over the padding between them", async (context) => {
    needProgram(context, "xz");
    const packed = await through(text, "xz", "-c", "--block-size=65536");
    const padded = await file(Buffer.concat([packed, Buffer.alloc(8192), packed, Buffer.alloc(4)]));
    expect(await withImageFile(padded, async (open) => walkXzStreams(open))).toBe(2 * text.length);
  });

  it("refuses other bytes behind the last stream, and a hole in the middle", async (context) => {
    needProgram(context, "xz");
    const packed = await through(text, "xz", "-c", "--block-size=65536");
    const hole = Buffer.concat([packed.subarray(0, 4096), packed.subarray(8192)]);
    for (const bytes of [Buffer.concat([packed, Buffer.from("tail")]), hole]) {
      const failure = await failureOf(withImageFile(await file(bytes), async (open) => walkXzStreams(open)));
      expect(failure.code).toBe("FILE_TRUNCATED");
    }
  });
});

async function* source(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 1000) yield bytes.subarray(start, start + 1000);
}

describe("bunzip2Here", () => {
  it("unpacks like the bzip2 program, and finds every cut", async (context) => {
    needProgram(context, "bzip2");
    const packed = await through(text, "bzip2", "-c");
    expect((await all(bunzip2Here(source(Buffer.concat([packed, packed])), "f"))).length).toBe(
      2 * text.length,
    );
    for (let length = packed.length - 1; length > 4; length -= packed.length >> 4) {
      const failure = await failureOf(all(bunzip2Here(source(packed.subarray(0, length)), "f")));
      expect(failure.code).toBe("FILE_TRUNCATED");
    }
  });
});

describe("startFilter", () => {
  it("gives nothing for a program that is not installed", async () => {
    expect(await startFilter("no-such-program-anywhere", [])).toBeUndefined();
  });

  it("passes on what the source throws, whatever the program thinks of its input", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("some");
      throw new Error("the disk is on fire");
    }
    const cat = await startFilter("cat", []);
    if (cat === undefined) throw new Error("no cat");
    const reading = all(cat(failing(), () => new HeadwaterError("FILE_TRUNCATED", "wrong")));
    await expect(reading).rejects.toThrow("on fire");
  });
});

describe("decodeWithXzProgram", () => {
  it("unpacks like lzma-native", async (context) => {
    needProgram(context, "xz");
    for (const format of ["xz", "lzma"] as const) {
      const packed = await through(text, "xz", "-c", `--format=${format}`);
      const unpacked = await all(decodeWithXzProgram(source(packed), format, "f", 1 << 28));
      expect(unpacked.equals(text)).toBe(true);
    }
  });

  it("refuses what is cut off or wants more memory than allowed, in the program's words", async (context) => {
    needProgram(context, "xz");
    const packed = await through(text, "xz", "-c");
    const cut = await failureOf(all(decodeWithXzProgram(source(packed.subarray(0, -5)), "xz", "f", 1 << 28)));
    expect(cut.message).toContain("Unexpected end of input");
    const large = await failureOf(all(decodeWithXzProgram(source(packed), "xz", "f", 1 << 20)));
    expect(large.message).toContain("Memory usage limit");
  });

  it("can be left early", async (context) => {
    needProgram(context, "xz");
    const packed = await through(Buffer.alloc(32 << 20), "xz", "-c");
    for await (const chunk of decodeWithXzProgram(source(packed), "xz", "f", 1 << 28)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});
