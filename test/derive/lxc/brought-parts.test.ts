import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Brought, broughtParts } from "../../../src/derive/lxc/brought-parts.ts";
import { fileOfReader } from "../../../src/image/file-of-reader.ts";
import { writeTar } from "../../../src/image/write-tar.ts";

async function brought(files: Readonly<Record<string, string>>): Promise<Brought> {
  const members = Object.entries(files).map(([name, text]) => ({
    name,
    mode: 0o644,
    content: Buffer.from(text),
  }));
  const tar = await writeTar(members, 0);
  const read = (into: Uint8Array, at: number): Promise<number> =>
    Promise.resolve(tar.copy(into, 0, at, at + into.length));
  const reader = { size: tar.length, read, close: () => Promise.resolve() };
  return broughtParts(fileOfReader("images/x/incus.tar", reader, () => new Error("ends")));
}

const ARCH = "lxc.arch = x86_64\n";

describe("what an image brings for LXC", () => {
  it("is at the top of its metadata tarball, under the names that LXC reads", async () => {
    const names = [
      "metadata.yaml",
      "config",
      "config-user.3",
      "config.12",
      "templates/x.tpl",
      "below/config",
    ];
    const { parts } = await brought(Object.fromEntries(names.map((name) => [name, ARCH])));
    expect([...parts.keys()]).toEqual(["config", "config-user.3"]);
  });

  it("are also templates, of all modes and levels", async () => {
    const files = { templates: "/etc/hostname\n\n", "templates-user.7": "./etc//issue\n/etc/hostname" };
    const { parts, templates } = await brought(files);
    expect([...templates]).toEqual(["etc/hostname", "etc/issue"]);
    expect([...parts]).toEqual([]);
  });

  it.each([
    ["config", "lxc.include = LXC_TEMPLATE_CONFIG/common.conf\n\n# words\nlxc.arch = x86_64\n"],
    ["config-user.4", "lxc.include = LXC_TEMPLATE_CONFIG/debian.userns.conf\nlxc.arch=linux64"],
    ["excludes-user", "./dev/null\ndev/c[0-9]*\n"],
    ["expiry", "1790000000\n"],
    ["create-message", "Médiéval; `all` $words\n\tare right\n"],
  ])("is taken when %s says what images say", async (name, text) => {
    expect([...(await brought({ [name]: text })).parts]).toEqual([[name, text]]);
  });

  it.each([
    ["config", "lxc.hook.pre-start = /bin/sh -c id"],
    ["config.1", "lxc.mount.entry = / host none bind 0 0"],
    ["config-user", "lxc.include = LXC_TEMPLATE_CONFIG/../../../../etc/evil.conf"],
    ["config", "lxc.include = /etc/evil.conf"],
    ["config", "lxc.include = LXC_ROOTFS/etc/common.conf"],
    ["config", "lxc.include = LXC_TEMPLATE_CONFIG/nesting.conf"],
    ["config", "lxc.apparmor.profile = unconfined"],
    ["config", "lxc.cap.drop ="],
    ["config", "lxc.arch = x86_64\0lxc.hook.start = x"],
    ["config", "x".repeat(64 * 1024 + 1)],
    ["fstab", "/ host none bind 0 0"],
    ["fstab-system.7", "/ host none bind 0 0"],
    ["excludes", "x --checkpoint=1 --checkpoint-action=exec=id"],
    ["excludes-user.5", "x\t--to-command=id"],
    ["templates", "/../../../etc/passwd"],
    ["templates", "/etc/hostname;/etc/passwd"],
    ["expiry", "0 -o 1"],
    ["create-message", "\u001B]0;title\u0007"],
  ])("is refused when %s says %j, which a host would obey", async (name, text) => {
    await expect(brought({ [name]: text })).rejects.toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: expect.stringContaining(`images/x/incus.tar brings "${name}" for LXC, and `),
    });
  });

  it("never puts a second word on tar's command line", async () => {
    const unit = fc.constantFrom(...Array.from("./ax*?-=\t\n\v $;`\u00a0\u2028"));
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 6 }), async (text) => {
        const taken = await brought({ excludes: text }).catch(() => undefined);
        for (const line of (taken?.parts.get("excludes") ?? "").split("\n"))
          expect(line).not.toMatch(/\S\s+\S|[$`;=]/);
      }),
    );
  });
});
