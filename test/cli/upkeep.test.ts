import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
beforeEach(async () => {
  site = await temporarySite();
});
afterEach(() => site.remove());

interface Listed {
  readonly product: string;
  readonly version: string;
  readonly files: readonly { readonly ftype: string; readonly sha256: string }[];
}

/** Where the blob of an image's root is. */
async function rootBlob(word: string): Promise<string> {
  const [image] = (await site.json("list", word)) as Listed[];
  const sha256 = image?.files.find(({ ftype }) => ftype === "squashfs")?.sha256 ?? "";
  return join(site.data, "blobs", sha256.slice(0, 2), sha256);
}

function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
  writeFileSync(file, bytes);
}

describe("headwater verify", () => {
  it("finds nothing in a whole store", async () => {
    await site.json("add", ...(await site.files("a")));
    const { status, stdout } = await site.run(["verify"]);
    expect(status).toBe(0);
    expect(stdout).toContain("all as promised");
    expect(await site.json("verify", "--repair")).toMatchObject({
      damaged: [],
      repaired: { generation: null },
    });
  });

  it("names wrong bytes and missing files, ends with 7, and changes nothing", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.json("add", ...(await site.files("b")), "--os", "other");
    damage(await rootBlob("tiny"));
    unlinkSync(await rootBlob("other"));
    const { status, stdout } = await site.run(["verify"]);
    expect(status).toBe(7);
    expect(stdout).toMatch(/^wrong bytes: [0-9a-f]{12} .* tiny:1:default:amd64 20261121_0304 squashfs$/m);
    expect(stdout).toMatch(/^missing: [0-9a-f]{12} .* other:1:default:amd64 20261121_0304 squashfs$/m);
    expect(stdout).toContain("verify --repair");
    expect(await site.json("list")).toHaveLength(2);
  });

  it("takes damaged images out of the lists with --repair, and adding the files again heals them", async () => {
    const files = await site.files("a");
    await site.json("add", ...files);
    await site.json("add", ...(await site.files("b")), "--os", "other");
    const blob = await rootBlob("tiny");
    damage(blob);
    const { status, stdout } = await site.run(["verify", "--repair"]);
    expect(status).toBe(7);
    expect(stdout).toContain("No longer listed: tiny:1:default:amd64 20261121_0304");
    expect(stdout).toMatch(/Put aside: .*quarantine/);
    expect(existsSync(blob)).toBe(false);
    expect(await site.json("list")).toMatchObject([{ product: "other:1:default:amd64" }]);
    expect((await site.run(["verify"])).status).toBe(0);
    await site.json("add", ...files);
    expect(await site.json("list")).toHaveLength(2);
    expect((await site.run(["verify"])).status).toBe(0);
  });
});

describe("headwater history", () => {
  it("lists what people changed, newest first, and what can be rolled back to", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.json("alias", "add", "stable", "tiny/1");
    await site.json("remove", "tiny/1");
    await site.json("prune", "--grace", "0");
    expect(await site.json("history")).toMatchObject([
      { generation: 3, verb: "remove", kept: false },
      { generation: 2, verb: "alias", text: "stable -> tiny/1", kept: false },
      { generation: 1, verb: "add", kept: false },
    ]);
    expect(await site.json("history", "--all")).toMatchObject([
      { generation: 4, verb: "prune", kept: true },
      {},
      {},
      {},
    ]);
    expect((await site.run(["history"])).stdout).toContain("stable -> tiny/1");
  });
});

describe("headwater backup", () => {
  it("makes a store that lists the same and is whole, and says that it holds the key", async () => {
    await site.json("add", ...(await site.files("a")));
    const { status, stdout } = await site.run(["backup", "copy"]);
    expect(status).toBe(0);
    expect(stdout).toContain(`to ${join(site.folder, "copy")}`);
    expect(stdout).toContain("private key");
    const there = ["--data", join(site.folder, "copy")];
    expect(JSON.parse((await site.run(["list", "--json", ...there])).stdout)).toEqual(
      await site.json("list"),
    );
    expect((await site.run(["verify", ...there])).status).toBe(0);
    expect(await site.json("backup", "copy")).toMatchObject({ generation: 1, copiedBytes: 0 });
  });
});
