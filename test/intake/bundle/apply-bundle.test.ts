import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repair } from "../../../src/curate/repair.ts";
import { openStore } from "../../../src/compose.ts";
import { HeadwaterError } from "../../../src/error.ts";
import { parseSelection } from "../../../src/simplestreams/selection.ts";
import { verify } from "../../../src/store/verify.ts";
import { carryIn, carryOut, imagesIn, listOf, newestOf } from "../../bundle/carry.ts";
import { keyIdOf, someSigner } from "../../bundle/some-signer.ts";
import { type Site, temporarySite } from "../../cli/site.ts";
import { codeOf } from "../../contract/store.ts";

let site: Site;
let far: string;
let file: string;

beforeEach(async () => {
  site = await temporarySite();
  far = join(site.folder, "far");
  file = join(site.folder, "site.hwb");
  await site.json("add", ...(await site.files("a")));
});
afterEach(() => site.remove());

async function failureOf(work: Promise<unknown>): Promise<HeadwaterError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

async function expectNothingHappened(): Promise<void> {
  expect(await newestOf(far)).toBe(0);
  expect(readdirSync(join(far, "incoming"))).toEqual([]);
}

const carried = async (): Promise<readonly string[]> =>
  (await imagesIn(far)).map((row) => row.replace("carried", "images"));

describe("applying a bundle", () => {
  it("lists the same images under the same aliases, with all their files, in one generation", async () => {
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await carryOut(site.data, file);
    const report = await carryIn(far, file);
    expect(report).toMatchObject({ generation: 1, isUnchanged: false, files: 4 });
    expect(report.streams).toEqual([{ name: "carried", from: "images", come: 2, go: 0, stay: 0 }]);
    expect(await carried()).toEqual(await imagesIn(site.data));
    expect((await verify(await openStore(far))).damaged).toEqual([]);
  });

  it("a second time does nothing", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    expect(await carryIn(far, file)).toMatchObject({ isUnchanged: true, generation: null, files: 0 });
    expect(await newestOf(far)).toBe(1);
  });

  it("a second time brings back what a repair took off the lists", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    const store = await openStore(far);
    const sha256 = (await listOf(file)).files.at(-1)?.sha256 ?? "";
    writeFileSync(join(far, "blobs", sha256.slice(0, 2), sha256), "damaged");
    await repair(store, await verify(store));
    expect(await carried()).toEqual([]);
    expect(await carryIn(far, file)).toMatchObject({ isUnchanged: false, files: 1 });
    expect(await carried()).toEqual(await imagesIn(site.data));
    expect((await verify(await openStore(far))).damaged).toEqual([]);
  });

  it("under another name keeps what is pinned, listed or in the generation that lists it", async () => {
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await carryOut(site.data, file);
    await carryIn(far, file);
    await site.run(["--data", far, "pin", "tiny/1"]);
    await site.run(["--data", far, "pin", "other/1"]);
    await site.json("remove", "tiny/1");
    await carryOut(site.data, file, { force: true });
    await carryIn(far, file, { names: new Map([["images", "main"]]) });
    expect((await imagesIn(far)).map((row) => row.split(" ").slice(0, 2).join(" "))).toEqual([
      "main other/1",
    ]);
    const { stdout } = await site.run(["--data", far, "pins", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject([
      { kind: "version", inUse: false },
      { kind: "version", versions: [{ stream: "main" }] },
      { kind: "generation", generation: 3, inUse: true },
    ]);
  });

  it("is said by the bundle alone: what it brought is not removed by hand", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    const { status, stderr } = await site.run(["--data", far, "remove", "tiny/1"]);
    expect(status).toBe(2);
    expect(stderr).toContain("came with a bundle into carried");
    expect(stderr).not.toContain("upstream set");
  });

  it("says before what would be, and changes nothing", async () => {
    await carryOut(site.data, file);
    expect(await carryIn(far, file, { dryRun: true })).toMatchObject({ generation: null, files: 2 });
    await expectNothingHappened();
  });

  it("of a newer state brings what is new, and takes off the lists what is no longer there", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await site.json("remove", "tiny/1");
    await carryOut(site.data, file, { force: true });
    const report = await carryIn(far, file);
    expect(report.streams).toEqual([{ name: "carried", from: "images", come: 1, go: 1, stay: 0 }]);
    expect(await carried()).toEqual(await imagesIn(site.data));
  });

  it("leaves alone what was made here, and what another bundle brought", async () => {
    const other = await temporarySite();
    try {
      await other.json("add", ...(await other.files("o")), "--os", "theirs");
      await site.run(["--data", far, "add", ...(await site.files("h")), "--os", "here"]);
      await carryOut(other.data, `${file}2`);
      await carryIn(far, `${file}2`, { names: new Map([["images", "second"]]) });
      await carryOut(site.data, file);
      await carryIn(far, file);
      const streams = (await imagesIn(far)).map((row) => row.split(" ").slice(0, 2).join(" "));
      expect(streams).toEqual(["carried tiny/1", "images here/1", "second theirs/1"]);
    } finally {
      await other.remove();
    }
  });

  it("of a site that passes on what it was carried puts no two image streams in one place", async () => {
    const third = join(site.folder, "third");
    await carryOut(site.data, file);
    await carryIn(far, file);
    await site.run(["--data", far, "add", ...(await site.files("h")), "--os", "here"]);
    await carryOut(far, `${file}2`);
    const { code, hint } = await failureOf(carryIn(third, `${file}2`));
    expect(code).toBe("NAME_TAKEN");
    expect(hint).toMatch(/--as (?:carried|images)=NAME/);
    expect(await newestOf(third)).toBe(0);
    await carryIn(third, `${file}2`, { names: new Map([["images", "middle"]]) });
    await carryOut(far, `${file}2`, { force: true });
    await carryIn(third, `${file}2`);
    const streams = (await imagesIn(third)).map((row) => row.split(" ").slice(0, 2).join(" "));
    expect(streams).toEqual(["carried tiny/1", "middle here/1"]);
  });

  it("again finds the place that it had before, under whatever name", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file, { names: new Map([["images", "hq"]]) });
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await carryOut(site.data, file, { force: true });
    await carryIn(far, file);
    expect((await imagesIn(far)).map((row) => row.split(" ")[0])).toEqual(["hq", "hq"]);
    await carryOut(site.data, file, { force: true });
    await carryIn(far, file, { names: new Map([["images", "main"]]) });
    expect((await imagesIn(far)).map((row) => row.split(" ")[0])).toEqual(["main", "main"]);
  });

  it("never takes the place of something else, nor a name that URLs need", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    const other = await temporarySite();
    try {
      await other.json("add", ...(await other.files("o")));
      await carryOut(other.data, `${file}2`);
      expect(await codeOf(carryIn(far, `${file}2`))).toBe("NAME_TAKEN");
    } finally {
      await other.remove();
    }
    expect(
      await codeOf(carryIn(join(site.folder, "new"), file, { names: new Map([["images", "streams"]]) })),
    ).toBe("NAME_INVALID");
  });
});

describe("an increment", () => {
  it("brings a store that has its base to the new state", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    expect(await carryIn(far, `${file}2`)).toMatchObject({ files: 2, generation: 2 });
    expect(await carried()).toEqual(await imagesIn(site.data));
    expect((await verify(await openStore(far))).damaged).toEqual([]);
  });

  it("without its base is refused with a list of what is missing and which bundle has it", async () => {
    await carryOut(site.data, file);
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    const { code, message, hint, details } = await failureOf(carryIn(far, `${file}2`));
    expect(code).toBe("BUNDLE_INCOMPLETE");
    const base = await listOf(file);
    expect(details["missing"]).toEqual(base.files.map(({ path }) => path));
    expect(details["bases"]).toEqual([base.id]);
    expect(message).toContain(base.files[0]?.path);
    expect(hint).toContain(base.id.slice(0, 12));
    await expectNothingHappened();
  });

  it("takes an image stream away of which nothing is left", async () => {
    await carryOut(site.data, file);
    await carryIn(far, file);
    await carryOut(site.data, `${file}2`);
    const { streams } = await listOf(`${file}2`);
    expect(streams).toHaveLength(1);
    // What was in a stream of its own at the sender's, and has left the selection.
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await site.json("remove", "tiny/1");
    await carryOut(site.data, `${file}3`, {
      since: await listOf(file),
      selections: [parseSelection("os=other")],
    });
    await carryIn(far, `${file}3`);
    expect((await imagesIn(far)).map((row) => row.split(" ")[1])).toEqual(["other/1"]);
  });
});

describe("whom to believe", () => {
  it("is said by a keyring: a bundle that one of its keys signed is taken", async () => {
    const signer = await someSigner();
    await carryOut(site.data, file, { signer });
    const report = await carryIn(far, file, { keyring: signer.keyring });
    expect(report).toMatchObject({ generation: 1, signedBy: await keyIdOf(signer) });
  });

  it("is nobody else: unsigned, another key, no keyring, each refused with nothing done", async () => {
    const [signer, other] = [await someSigner(), await someSigner()];
    await carryOut(site.data, file, { signer });
    const wrong = await failureOf(carryIn(far, file, { keyring: other.keyring }));
    expect(wrong.code).toBe("BUNDLE_UNTRUSTED");
    expect(wrong.message).toContain(await keyIdOf(signer));
    expect(await codeOf(carryIn(far, file, { allowUntrusted: false }))).toBe("BUNDLE_UNTRUSTED");
    await carryOut(site.data, file, { force: true });
    const unsigned = await failureOf(carryIn(far, file, { keyring: signer.keyring }));
    expect(unsigned).toMatchObject({ code: "BUNDLE_UNTRUSTED" });
    expect(unsigned.message).toContain("not signed");
    await expectNothingHappened();
  });

  it("is not a key that has expired, whatever the clock here says, when the store knows better", async () => {
    const year = 365 * 24 * 3_600_000;
    const signer = await someSigner({
      date: new Date(Date.now() - 2 * year),
      keyExpirationTime: year / 1000,
    });
    await carryOut(site.data, file, { signer });
    expect(await codeOf(carryIn(far, file, { keyring: signer.keyring }))).toBe("BUNDLE_UNTRUSTED");
    await expectNothingHappened();
    // Something was published here today; a clock set back to a day when the key was valid changes nothing.
    await site.run(["--data", far, "add", ...(await site.files("h")), "--os", "here"]);
    const before = { keyring: signer.keyring, now: () => Date.now() - 1.5 * year, force: true };
    expect(await codeOf(carryIn(far, file, before))).toBe("BUNDLE_UNTRUSTED");
  });
});

describe("the age of a bundle", () => {
  it("in the future means that a clock is wrong: refused, unless it is wanted all the same", async () => {
    const signer = await someSigner();
    await carryOut(site.data, file, { signer });
    const yesterday = { keyring: signer.keyring, now: () => Date.now() - 24 * 3_600_000 };
    const { code, message } = await failureOf(carryIn(far, file, yesterday));
    expect(code).toBe("BUNDLE_UNTIMELY");
    expect(message).toContain("one of the two clocks is wrong");
    await expectNothingHappened();
    expect(await carryIn(far, file, { ...yesterday, force: true })).toMatchObject({ generation: 1 });
  });

  it("before the one that was applied last means going back: refused, unless it is wanted all the same", async () => {
    await carryOut(site.data, file, { now: () => Date.now() - 60_000 });
    const before = await imagesIn(site.data);
    await site.json("add", ...(await site.files("b")), "--os", "other");
    await carryOut(site.data, `${file}2`);
    await carryIn(far, `${file}2`);
    expect(await codeOf(carryIn(far, file))).toBe("BUNDLE_UNTIMELY");
    expect(await newestOf(far)).toBe(1);
    await carryIn(far, file, { force: true });
    expect(await carried()).toEqual(before);
  });
});

describe("parts", () => {
  const part = (number: number): string => `${file}.${String(number).padStart(3, "0")}`;

  beforeEach(async () => {
    await carryOut(site.data, file, { partSize: 3000 });
  });

  it("are found beside the first one, under the name of the whole, or where the command line says", async () => {
    await carryIn(far, part(1));
    await carryIn(join(site.folder, "far2"), file);
    const all = readdirSync(site.folder).filter((name) => /hwb\.\d+$/.test(name));
    const paths = all.map((name) => join(site.folder, name)).reverse();
    await carryIn(join(site.folder, "far3"), paths);
    expect(await imagesIn(join(site.folder, "far3"))).toEqual(await imagesIn(far));
    expect(await imagesIn(join(site.folder, "far2"))).toEqual(await imagesIn(far));
  });

  it("that are missing, cut off, too long or of another bundle are told by name", async () => {
    const original = readFileSync(part(2));
    writeFileSync(part(2), original.subarray(0, 2999));
    expect((await failureOf(carryIn(far, file))).message).toContain("site.hwb.002 is cut off");
    writeFileSync(part(2), Buffer.concat([original, Buffer.from("x")]));
    expect((await failureOf(carryIn(far, file))).message).toContain("site.hwb.002 is longer");
    copyFileSync(part(3), part(2));
    const mixed = await failureOf(carryIn(far, file));
    expect(mixed).toMatchObject({ code: "BUNDLE_INVALID" });
    expect(mixed.message).toContain("site.hwb.002");
    writeFileSync(part(2), original);
    rmSync(part(3));
    expect(await failureOf(carryIn(far, file))).toMatchObject({
      code: "BUNDLE_INCOMPLETE",
      details: { missing: [part(3)] },
    });
    rmSync(part(1));
    expect(await codeOf(carryIn(far, file))).toBe("FILE_UNREADABLE");
    await expectNothingHappened();
  });
});
