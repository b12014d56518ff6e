import { describe, expect, it } from "vitest";
import { TarWatch } from "../../../src/derive/lxc/watch-tar.ts";
import { type NewMember, writeTar } from "../../../src/image/write-tar.ts";

const file = (name: string, text: string): NewMember => ({ name, mode: 0o644, content: Buffer.from(text) });

async function* pieces(tar: Buffer, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < tar.length; at += size) yield tar.subarray(at, at + size);
}

async function watched(watch: TarWatch, tar: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const passed: Uint8Array[] = [];
  for await (const piece of watch.through(tar)) passed.push(piece);
  return Buffer.concat(passed);
}

describe("a look at the members of a root", () => {
  it("passes every byte on, and finds the templates that the image names", async () => {
    const tar = await writeTar(
      [
        file("./etc/hostname", "LXC_NAME\n"),
        file("./etc/hosts", "127.0.0.1 localhost\n"),
        file("./etc/mine", "root is LXC_ROOTFS\n"),
        file("./etc/other", "LXC_NAME\n"),
      ],
      0,
    );
    const watch = new TarWatch("root", { templates: ["etc/mine", "etc/none"] });
    expect((await watched(watch, pieces(tar))).equals(tar)).toBe(true);
    expect(watch.templates).toEqual(["etc/hostname", "etc/mine"]);
  });

  it("takes no link for a template: the files behind it may be those of the host", async () => {
    const link = { name: "host", mode: 0o777, linkTo: "/usr/share/lxc/templates" };
    const watch = new TarWatch("root", { templates: ["host/lxc-download", "host"] });
    await watched(watch, pieces(await writeTar([link], 0)));
    expect(watch.templates).toEqual([]);
  });

  it("ends with a root that never does", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield (await writeTar([file("hole", "x".repeat(100_000))], 0)).subarray(0, 512);
      for (;;) yield new Uint8Array(512);
    }
    const watch = new TarWatch("root", { maxBytes: 50_000 });
    await expect(watched(watch, endless())).rejects.toMatchObject({
      code: "FILE_TOO_LARGE",
      message: "root has more than 50000 bytes unpacked",
    });
  });
});
