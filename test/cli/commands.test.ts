import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
beforeEach(async () => {
  site = await temporarySite();
});
afterEach(() => site.remove());

const PRODUCT = "tiny:1:default:amd64";

describe("headwater add", () => {
  it("says which store it writes, what is listed, what each client sees, and by when", async () => {
    const { status, stdout, stderr } = await site.run(["add", ...(await site.files("a")), "--alias", "web"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: `store: ${site.data}\n` });
    expect(stdout).toContain(`Added ${PRODUCT} 20261121_0304\n`);
    expect(stdout).toContain("launch it as tiny/1, tiny/1/default, web\n");
    expect(stdout).toMatch(/incus 6\.0, .*: container "Tiny 1 amd64 \(20261121_0304\)"/);
    expect(stdout).toMatch(/lxd 6: container "Tiny 1 \(default\)"/);
    expect(stdout).toMatch(/all clients see it by \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  });

  it("prints the facts as JSON", async () => {
    expect(await site.json("add", ...(await site.files("a")))).toMatchObject({
      store: site.data,
      generation: 1,
      status: "added",
      product: PRODUCT,
      version: "20261121_0304",
      fingerprints: [expect.stringMatching(/^[0-9a-f]{64}$/)],
      clients: expect.arrayContaining([
        { client: "incus 7", images: [expect.objectContaining({ type: "container" })], problems: [] },
      ]),
    });
  });

  it("takes names from options before those of the metadata", async () => {
    const named = ["--os", "Ours", "--release", "2", "--variant", "cloud", "--label", "testing"];
    const more = [
      "--release-title",
      "Two",
      "--version",
      "20260101_0000",
      "--requirement",
      "secureboot=false",
    ];
    await site.json("add", ...(await site.files("a")), ...named, ...more);
    expect(await site.json("show", "ours/2/cloud")).toMatchObject([
      {
        product: "ours:2:cloud:amd64",
        version: "20260101_0000",
        title: "Two",
        label: "testing",
        requirements: { secureboot: "false" },
      },
    ]);
  });

  it("calls the same bytes again a no-op", async () => {
    const files = await site.files("a");
    await site.json("add", ...files);
    const { status, stdout } = await site.run(["add", ...files]);
    expect(status).toBe(0);
    expect(stdout).toContain("Nothing to do");
    expect(await site.json("add", ...files)).toMatchObject({ generation: null, status: "unchanged" });
  });

  it("says what would be, also where there is no store yet, and makes none", async () => {
    const data = join(site.folder, "nowhere");
    const files = await site.files("a");
    const { stdout, status } = await site.run(["add", ...files, "--data", data, "--dry-run"]);
    expect(status).toBe(0);
    expect(stdout).toContain("Would be: Added tiny:1:default:amd64");
    expect(existsSync(data)).toBe(false);
  });

  it("changes nothing with --dry-run", async () => {
    await site.json("add", ...(await site.files("a")));
    expect(await site.json("add", ...(await site.files("b")), "--dry-run")).toMatchObject({
      dryRun: true,
      generation: null,
      status: "added",
    });
    expect(await site.json("list")).toHaveLength(1);
  });

  it("takes a folder, relative to where one is", async () => {
    const [metadata] = await site.files("a");
    expect((await site.run(["add", "."], { cwd: dirname(metadata) })).status).toBe(0);
  });

  it("ends with 4 and names the file when it is no image", async () => {
    const file = join(site.folder, "notes.txt");
    writeFileSync(file, "not an image");
    const { status, stderr } = await site.run(["add", file]);
    expect(status).toBe(4);
    expect(stderr).toContain(file);
  });

  it("ends with 2 when nothing is given to add, and makes no store", async () => {
    expect((await site.run(["add"])).status).toBe(2);
    expect(existsSync(site.data)).toBe(false);
  });
});

describe("headwater list and show", () => {
  beforeEach(async () => {
    await site.json("add", ...(await site.files("a")));
    await site.json("add", ...(await site.files("b", { os: "Other", release: "9" })));
  });

  it("lists images as a table, with filters", async () => {
    const { status, stdout } = await site.run(["list", "other", "type=container"]);
    expect(status).toBe(0);
    expect(stdout).toContain("| other/9 (1 more) |");
    expect(stdout).not.toContain("tiny");
  });

  it("lists them as csv and yaml", async () => {
    const { stdout } = await site.run(["list", "-f", "csv", "tiny"]);
    const [head, row, ...rest] = stdout.split("\n");
    expect(head).toBe("alias,fingerprint,product,version,type,root,for,stream,held,size");
    expect(row).toMatch(
      /^tiny\/1 tiny\/1\/default,[0-9a-f]{64},tiny:1:default:amd64,20261121_0304,container,/,
    );
    expect(rest).toEqual([""]);
    expect((await site.run(["list", "-f", "yaml"])).stdout).toContain(
      "- stream: images\n  product: tiny:1:default:amd64\n",
    );
  });

  it("shows one by alias, product and the beginning of its fingerprint", async () => {
    const rows = (await site.json("list", "tiny")) as { fingerprint: string }[];
    const start = rows[0]?.fingerprint.slice(0, 10) ?? "";
    for (const word of ["tiny/1", PRODUCT, start]) {
      const { status, stdout } = await site.run(["show", word]);
      expect(status).toBe(0);
      expect(stdout).toContain(`Product:      ${PRODUCT}\n`);
      expect(stdout).toMatch(/Clients list it as:\n {2}incus 6\.0, .*: container "Tiny 1 amd64/);
    }
  });

  it("ends with 3 for what is not there", async () => {
    const { status, stdout, stderr } = await site.run(["show", "nothing/like/it"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toMatch(/^headwater: .*nothing\/like\/it.*\n {2}/);
  });

  it("shows what would command the terminal as text", async () => {
    const { status, stderr } = await site.run(["show", "\u001b]0;owned\u0007"]);
    expect(status).toBe(3);
    expect(stderr).toContain("\\u001b]0;owned\\u0007");
    expect(stderr).not.toMatch(/[^\P{C}\n]/u);
  });

  it("does not take such text from an image", async () => {
    const files = await site.files("c", { os: "x", release_title: "safe \u202eelif\u001b[2J" });
    const { status, stderr } = await site.run(["add", ...files]);
    expect(status).toBe(2);
    expect(stderr).toContain("\\u202eelif\\u001b[2J");
    expect(stderr).not.toMatch(/[^\P{C}\n]/u);
  });
});

describe("headwater remove", () => {
  it("takes an image from the list and says what its aliases mean now", async () => {
    await site.json("add", ...(await site.files("a")), "--version", "20260101_0000");
    await site.json("add", ...(await site.files("b")), "--version", "20260102_0000");
    const { status, stdout } = await site.run(["remove", "tiny/1"]);
    expect(status).toBe(0);
    expect(stdout).toContain(`Removed ${PRODUCT} 20260102_0000`);
    expect(stdout).toContain("tiny/1 now means version 20260101_0000\n");
    expect(await site.json("list")).toMatchObject([{ version: "20260101_0000" }]);
  });

  it("does nothing with --dry-run", async () => {
    await site.json("add", ...(await site.files("a")));
    expect((await site.run(["remove", "tiny/1", "--dry-run"])).stdout).toContain("Would remove");
    expect(await site.json("list")).toHaveLength(1);
  });

  it("takes the bytes off the disk with --now, and says what breaks", async () => {
    await site.json("add", ...(await site.files("a")));
    const [image] = (await site.json("list")) as { files: { sha256: string }[] }[];
    const { status, stdout } = await site.run(["remove", "--now", "tiny/1"]);
    expect(status).toBe(0);
    expect(stdout).toContain("Off the disk: 2 files.");
    expect(stdout).toContain("What breaks: ");
    for (const { sha256 } of image?.files ?? []) {
      expect(existsSync(join(site.data, "blobs", sha256.slice(0, 2), sha256))).toBe(false);
    }
  });
});

describe("headwater alias", () => {
  it("adds, lists and removes", async () => {
    await site.json("add", ...(await site.files("a")));
    expect(await site.json("alias", "add", "stable", "tiny/1")).toMatchObject({
      alias: "stable",
      products: [PRODUCT],
    });
    expect(await site.json("alias", "list")).toContainEqual(
      expect.objectContaining({ alias: "stable", product: PRODUCT, version: "20261121_0304" }),
    );
    expect((await site.run(["alias", "remove", "stable"])).status).toBe(0);
    expect((await site.run(["alias", "list"])).stdout).not.toContain("stable");
  });

  it("refuses a fingerprint as target with that sentence, and status 2", async () => {
    const added = (await site.json("add", ...(await site.files("a")))) as { fingerprints: string[] };
    const { status, stderr } = await site.run(["alias", "add", "stable", added.fingerprints[0] ?? ""]);
    expect(status).toBe(2);
    expect(stderr).toContain("is a fingerprint; an alias names a product");
  });
});

describe("headwater rollback and prune", () => {
  it("lists again what an earlier generation listed", async () => {
    await site.json("add", ...(await site.files("a")), "--version", "20260101_0000");
    await site.json("add", ...(await site.files("b")), "--version", "20260102_0000");
    expect(await site.json("rollback", "1")).toMatchObject({ generation: 3 });
    expect(await site.json("list")).toMatchObject([{ version: "20260101_0000" }]);
    expect((await site.run(["rollback", "99"])).status).toBe(3);
    expect((await site.run(["rollback", "0"])).status).toBe(2);
  });

  it("refuses to roll back to what was pruned", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.json("remove", "tiny/1");
    expect(await site.json("prune", "--grace", "0", "--dry-run")).toMatchObject({
      generation: null,
      dropped: expect.arrayContaining([1]),
    });
    expect(await site.json("prune", "--grace", "0", "--free-now")).toMatchObject({
      dropped: expect.arrayContaining([1]),
    });
    expect(await site.run(["rollback", "1"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("generation 1 is no longer kept"),
    });
    expect((await site.run(["prune", "--grace", "soon"])).status).toBe(2);
  });
});

describe("a store that is not there", () => {
  it.each([["list"], ["show", "x"], ["remove", "x"], ["alias", "list"], ["prune"], ["rollback", "1"]])(
    "is one clear sentence for %s",
    async (...argv) => {
      const { status, stderr } = await site.run(argv);
      expect(status).toBe(6);
      expect(stderr).toContain(`There is no store at ${site.data}`);
      expect(existsSync(site.data)).toBe(false);
    },
  );
});
