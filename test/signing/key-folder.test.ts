import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeadwaterError } from "../../src/error.ts";
import { KeyFolder } from "../../src/signing/key-folder.ts";
import { signerSource } from "../../src/signing/signer-source.ts";
import { failureOf } from "../image/failure.ts";
import { newSigner } from "./keys.ts";

const FIRST = "1".repeat(40);
const SECOND = "2".repeat(40);

let folder: string;
let keys: KeyFolder;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-keys-"));
  keys = new KeyFolder(join(folder, "keys"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe("the folder of keys", () => {
  it("holds none until there is one, and the one that was put in use last", async () => {
    expect(keys.current()).toBeUndefined();
    await keys.use(FIRST, "first", { replace: false });
    expect(keys.current()).toMatchObject({ fingerprint: FIRST, path: join(keys.path, `${FIRST}.asc`) });
    await keys.use(SECOND, "second", { replace: true });
    expect(keys.current()?.fingerprint).toBe(SECOND);
    expect(readFileSync(keys.pathOf(FIRST), "utf8")).toBe("first");
  });

  it("is its owner's alone, whatever the umask and whatever mode it had", async () => {
    mkdirSync(keys.path, { mode: 0o755 });
    const before = process.umask(0);
    try {
      await keys.use(FIRST, "first", { replace: false });
    } finally {
      process.umask(before);
    }
    expect([modeOf(keys.path), modeOf(keys.pathOf(FIRST))]).toEqual(["700", "600"]);
  });

  it("does not give up a key that is in use for another one that nobody said should replace it", async () => {
    await keys.use(FIRST, "first", { replace: false });
    expect(await failureOf(keys.use(SECOND, "second", { replace: false }))).toMatchObject({
      code: "NAME_TAKEN",
      message: expect.stringContaining(FIRST),
    });
    expect(readdirSync(keys.path).sort()).toEqual([`${FIRST}.asc`, "current"]);
  });

  it("takes the same key again, whose file changed or was lost", async () => {
    await keys.use(FIRST, "first", { replace: false });
    await rm(keys.pathOf(FIRST));
    expect(() => keys.current()).toThrow(expect.objectContaining({ code: "KEY_UNUSABLE" }));
    await keys.use(FIRST, "first, with a later date", { replace: false });
    expect(readFileSync(keys.pathOf(FIRST), "utf8")).toBe("first, with a later date");
  });

  it("has the old key or the new one in use, at whatever moment a writer dies", async () => {
    await keys.use(FIRST, "first", { replace: false });
    // What a writer leaves that died before each of its two renames: its files come one after the other, and the key is first.
    writeFileSync(`${keys.pathOf(SECOND)}.0123456789ab.new`, "sec", { mode: 0o600 });
    expect(keys.current()?.fingerprint).toBe(FIRST);
    writeFileSync(keys.pathOf(SECOND), "second", { mode: 0o600 });
    writeFileSync(join(keys.path, "current.0123456789ab.new"), SECOND.slice(0, 7));
    expect(keys.current()?.fingerprint).toBe(FIRST);
    await keys.use(SECOND, "second", { replace: true });
    expect(keys.current()?.fingerprint).toBe(SECOND);
  });

  it("is rid of what killed writers left, once it is old", async () => {
    await keys.use(FIRST, "first", { replace: false });
    const [old, fresh] = [`${keys.pathOf(SECOND)}.a.new`, `${keys.pathOf(SECOND)}.b.new`];
    for (const path of [old, fresh]) writeFileSync(path, "secret", { mode: 0o600 });
    utimesSync(old, new Date(0), new Date(0));
    await keys.use(FIRST, "first", { replace: false });
    expect([existsSync(old), existsSync(fresh)]).toEqual([false, true]);
  });

  it("says what is wrong when it names no key", async () => {
    mkdirSync(keys.path);
    for (const text of ["", "../../etc/passwd", "1234"]) {
      writeFileSync(join(keys.path, "current"), text);
      expect(() => keys.current()).toThrow(HeadwaterError);
    }
  });
});

describe("who signs now", () => {
  it("is the key that is in use at that moment, also of a program that runs on", async () => {
    const signer = signerSource(keys, { passphrase: async () => undefined });
    expect(signer()).toBeUndefined();
    const first = await newSigner(keys.path);
    expect(signer()?.fingerprint).toBe(first.fingerprint);
    expect(signer()).toBe(signer());
    const second = await newSigner(keys.path);
    expect(signer()?.fingerprint).toBe(second.fingerprint);
    expect(await signer()?.clearSign("text")).toContain("SIGNATURE");
  });

  it("is the key that gpg has, when one is configured", async () => {
    await newSigner(keys.path);
    const signer = signerSource(keys, { gpg: { fingerprint: FIRST }, passphrase: async () => undefined });
    expect(signer()?.fingerprint).toBe(FIRST);
  });
});
