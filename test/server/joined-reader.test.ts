import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JoinedReader, type Part } from "../../src/server/joined-reader.ts";
import type { BlobReader } from "../../src/store/store.ts";

/** A blob that gives less than it is asked for, as a read may. */
function blobOf(bytes: Uint8Array, step: number, closed: string[] = []): BlobReader {
  return {
    sha256: "blob",
    size: bytes.byteLength,
    read: async (buffer, position) => {
      const piece = bytes.subarray(position, position + Math.min(step, buffer.byteLength));
      buffer.set(piece);
      return piece.byteLength;
    },
    close: async () => void closed.push("closed"),
  };
}

describe("parts that are read as one", () => {
  it("give all their bytes in order, from any place, for any size of buffer", async () => {
    const parts = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.boolean()), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 1, max: 9 }), fc.nat(100), async (given, step, from) => {
        const whole = Buffer.concat(given.map(([bytes]) => bytes));
        const reader = new JoinedReader(
          "all",
          given.map(([bytes, isBlob]): Part => (isBlob ? blobOf(bytes, step) : bytes)),
        );
        expect(reader.size).toBe(whole.byteLength);
        const start = Math.min(from, whole.byteLength);
        const read: Buffer[] = [];
        for (let position = start; position < reader.size; ) {
          const buffer = Buffer.alloc(step + 2);
          const count = await reader.read(buffer, position);
          expect(count).toBeGreaterThan(0);
          read.push(buffer.subarray(0, count));
          position += count;
        }
        expect(Buffer.concat(read)).toEqual(whole.subarray(start));
        expect(await reader.read(Buffer.alloc(3), reader.size)).toBe(0);
      }),
    );
  });

  it("wait only where a part is still growing, and close every blob", async () => {
    const closed: string[] = [];
    const waited: number[] = [];
    const growing = {
      ...blobOf(Buffer.from("growing"), 9, closed),
      ready: async (position: number) => waited.push(position) > 0,
    };
    const plain = new JoinedReader("all", [Buffer.from("head"), blobOf(Buffer.from("x"), 1, closed)]);
    expect(plain.ready).toBeUndefined();
    const joined = new JoinedReader("all", [Buffer.from("head"), growing, Buffer.from("end")]);
    expect(await joined.ready?.(0)).toBe(false);
    expect(await joined.ready?.(6)).toBe(false);
    expect(waited).toEqual([2]);
    await Promise.all([plain.close(), joined.close()]);
    expect(closed).toHaveLength(2);
  });
});
