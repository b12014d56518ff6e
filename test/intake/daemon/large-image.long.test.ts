import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeDaemon, fakeImage } from "./fake-daemon.ts";

const GIB = 2 ** 30;
const SIZE = 20 * GIB;
const MEMORY_LIMIT = 150 * 2 ** 20;
const PIECE = Buffer.alloc(4 * 2 ** 20);

/** The header of a qcow2 file of 20 GiB; all that follows is holes. */
function header(): Buffer {
  const bytes = Buffer.alloc(65_536);
  bytes.write("QFI\u00fb", 0, "latin1");
  bytes.writeUInt32BE(2, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(BigInt(SIZE), 24);
  bytes.writeUInt32BE(40, 36);
  bytes.writeBigUInt64BE(65_536n, 40);
  bytes.writeBigUInt64BE(131_072n, 48);
  bytes.writeUInt32BE(1, 56);
  return bytes;
}

function* disk(): Generator<Buffer> {
  const head = header();
  yield head;
  for (let left = SIZE - head.byteLength; left > 0; left -= PIECE.byteLength) {
    yield left < PIECE.byteLength ? PIECE.subarray(0, left) : PIECE;
  }
}

const METADATA = Buffer.from(
  "architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Big\n  release: one\n",
);

describe("a virtual machine of 20 GiB, nearly all of it holes", () => {
  let folder: string;
  let daemon: FakeDaemon;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "hw-large-"));
    daemon = await FakeDaemon.start();
  });
  afterEach(async () => {
    await daemon.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it("comes as metadata and disk, in little memory", async () => {
    const hash = createHash("sha256").update(METADATA);
    for (const piece of disk()) hash.update(piece);
    serve(hash.digest("hex"), async (response) => {
      response.setHeader("Content-Type", "multipart/form-data; boundary=edge");
      response.write(`${part("metadata")}${METADATA.toString()}\r\n${part("rootfs.img")}`);
      for (const piece of disk()) if (!response.write(piece)) await once(response, "drain");
      response.end("\r\n--edge--\r\n");
    });
    expect(await pull()).toBeLessThan(MEMORY_LIMIT);
  });

  it("comes as one archive and is taken apart, in little memory", async () => {
    const file = join(folder, "image.tar.gz");
    const archive = pack();
    const packed = pipeline(archive, createGzip({ level: 1 }), createWriteStream(file));
    archive.entry({ name: "metadata.yaml" }, METADATA);
    const entry = archive.entry({ name: "rootfs.img", size: SIZE });
    await pipeline(Readable.from(disk()), entry);
    archive.finalize();
    await packed;
    const hash = createHash("sha256");
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
    const { size } = await stat(file);
    serve(hash.digest("hex"), (response) => pipeline(createReadStream(file), response), size);
    expect(await pull()).toBeLessThan(MEMORY_LIMIT);
  });

  function serve(fingerprint: string, send: (response: ServerResponse) => Promise<void>, size = SIZE): void {
    const { fields, root } = fakeImage("big", { fields: { type: "virtual-machine", size } });
    daemon.images = [{ fingerprint, root, type: "virtual-machine", fields }];
    daemon.instead.set(`/1.0/images/${fingerprint}/export`, (_request, response) => {
      send(response).catch(() => response.destroy());
    });
  }

  /** Bytes of memory that the program took at most. */
  async function pull(): Promise<number> {
    const data = join(folder, "store");
    const args = [resolve("dist/cli/main.js"), "pull", `unix:${daemon.socket}`, "--all", "--data", data];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
    let most = 0;
    const status = `/proc/${child.pid}/status`;
    const look = setInterval(() => {
      // Gone at the end.
      const text = existsSync(status) ? readFileSync(status, "utf8") : "";
      most = Math.max(most, Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024);
    }, 100);
    const [code] = (await once(child, "exit")) as [number];
    clearInterval(look);
    expect([code, printed]).toEqual([0, expect.stringContaining("1 image taken")]);
    expect(most).toBeGreaterThan(0);
    console.log(`20 GiB in at most ${Math.round(most / 2 ** 20)} MiB`);
    return most;
  }
});

function part(name: string): string {
  return `--edge\r\nContent-Disposition: form-data; name="${name}"; filename="x"\r\n\r\n`;
}
