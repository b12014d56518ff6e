import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Site, temporarySite } from "./site.ts";

const PRODUCT = "tiny:1:default:amd64";

let site: Site;
beforeEach(async () => {
  site = await temporarySite();
});
afterEach(() => site.remove());

/** Adds a tiny container; resolves to its fingerprint. */
async function add(salt: string, version: string, ...options: readonly string[]): Promise<string> {
  const added = await site.json("add", ...(await site.files(salt)), "--version", version, ...options);
  return (added as { fingerprints: string[] }).fingerprints[0] ?? "";
}

async function diff(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await site.run(["diff", ...argv]);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

const short = (fingerprint: string): string => fingerprint.slice(0, 12);

describe("headwater diff", () => {
  it("says which image came, what an alias means now and meant before, and sizes", async () => {
    const first = await add("a", "20260101_0000");
    const second = await add("b", "20260102_0000");
    const text = await diff("1", "2");
    expect(text).toContain("From generation 1 (");
    expect(text).toContain(`Images added:\n  images ${PRODUCT} 20260102_0000, container ${short(second)}, `);
    expect(text).toContain(
      `  tiny/1, tiny/1/default (container, amd64): now ${short(second)}, version 20260102_0000; before, ${short(first)}, version 20260101_0000\n`,
    );
    expect(text).toMatch(/\nFiles: 2 files \(.+\) more, 0 files \(0 B\) fewer\.\nListed: 4 files/);
    // The newest, when only one is named; and backwards.
    expect(await diff("1")).toBe(text);
    expect(await diff("2", "1")).toContain(`Images removed:\n  images ${PRODUCT} 20260102_0000`);
  });

  it("tells an alias that moved, one that is new and one that is gone", async () => {
    await add("a", "20260101_0000");
    await add("b", "20260101_0000", "--os", "Other", "--release", "2");
    await site.json("alias", "add", "stable", "tiny/1");
    await site.json("alias", "remove", "stable");
    await site.json("alias", "add", "stable", "other/2");
    const about = async (...names: readonly string[]): Promise<string | undefined> =>
      (await diff(...names)).split("\n").find((line) => line.includes("stable ("));
    const [tiny, other] = [
      `[0-9a-f]{12}, ${PRODUCT} version 20260101_0000`,
      "[0-9a-f]{12}, other:2:\\S+ version 20260101_0000",
    ];
    const name = "^  stable \\(container, amd64\\):";
    expect(await about("2", "3")).toMatch(new RegExp(`${name} new, ${tiny}$`));
    expect(await about("3", "4")).toMatch(new RegExp(`${name} gone, was ${tiny}$`));
    expect(await about("3", "5")).toMatch(
      new RegExp(`${name} another product, now ${other}; before, ${tiny}$`),
    );
  });

  it("says so when nothing differs, with status 0 and with --exit-code too", async () => {
    await add("a", "20260101_0000");
    expect(await diff("1")).toContain("The same images under the same names.");
    expect(await diff("1", "1", "--exit-code")).toContain("The same images under the same names.");
  });

  it("ends with 1 for differences only when asked, and prints nothing when that is all that was asked", async () => {
    await add("a", "20260101_0000");
    await add("b", "20260102_0000");
    expect(await site.run(["diff", "1", "2", "--exit-code"])).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("Images added"),
    });
    expect(await site.run(["diff", "1", "2", "--exit-code", "--quiet"])).toEqual({
      status: 1,
      stdout: "",
      stderr: "",
    });
  });

  it("has the same as JSON, every key also when there is nothing under it", async () => {
    const first = await add("a", "20260101_0000");
    const second = await add("b", "20260102_0000");
    const image = {
      stream: "images",
      product: PRODUCT,
      type: "container",
      arch: "amd64",
      size: expect.any(Number),
    };
    const target = { product: PRODUCT, version: "20260101_0000", fingerprint: first };
    const found = (await site.json("diff", "1", "2")) as { aliases: object[] };
    expect(found).toEqual({
      from: { generation: 1, createdAt: expect.any(String), verb: "add", text: expect.any(String) },
      to: { generation: 2, createdAt: expect.any(String), verb: "add", text: expect.any(String) },
      added: [{ ...image, version: "20260102_0000", fingerprint: second }],
      removed: [],
      renamed: [],
      changed: [],
      aliases: expect.any(Array),
      hidden: [],
      shown: [],
      cameHere: [],
      letGo: [],
      files: {
        added: { files: 2, bytes: expect.any(Number) },
        removed: { files: 0, bytes: 0 },
        before: { files: 2, bytes: expect.any(Number) },
        after: { files: 4, bytes: expect.any(Number) },
      },
    });
    expect(found.aliases).toContainEqual({
      alias: "tiny/1",
      type: "container",
      arch: "amd64",
      change: "replaced",
      from: target,
      to: { ...target, version: "20260102_0000", fingerprint: second },
    });
  });

  it("takes days, and says why one means nothing", async () => {
    await add("a", "20260101_0000");
    const today = new Date().toISOString().slice(0, 10);
    const run = async (name: string) => {
      const { status, stderr } = await site.run(["diff", name]);
      return [status, stderr];
    };
    expect(await run(today)).toEqual([3, expect.stringContaining(`no generation yet when ${today} began`)]);
    expect(await run("2999-01-01")).toEqual([3, expect.stringContaining("has not begun (UTC)")]);
    expect(await run("2026-02-30")).toEqual([2, expect.stringContaining('"2026-02-30" names no generation')]);
    expect(await run("yesterday")).toEqual([2, expect.stringContaining("Give its number, or a day")]);
    expect(await run("7")).toEqual([3, expect.stringContaining("there is no generation 7")]);
  });

  it("refuses a generation that is no longer kept", async () => {
    await add("a", "20260101_0000");
    await site.json("remove", "tiny/1");
    await site.json("prune", "--grace", "0", "--free-now");
    expect(await site.run(["diff", "1"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("generation 1 is no longer kept"),
    });
  });
});
