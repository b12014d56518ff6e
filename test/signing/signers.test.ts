import { chmod, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GpgSigner } from "../../src/signing/gpg-signer.ts";
import { KeySigner } from "../../src/signing/key-signer.ts";
import type { Signer } from "../../src/store/signer.ts";
import { signersOf, verifyClearsigned, verifyDetached } from "../../src/upstream/signature.ts";
import { failureOf } from "../image/failure.ts";
import { type GpgHome, gpgHome, gpgv, hasGpg } from "./gpg.ts";
import { newSigner } from "./keys.ts";

const TEXT = '{\n  "format": "index:1.0",\n- looks like an escape\n  "title": "a"\n}';
const BYTES = new TextEncoder().encode(TEXT);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-signers-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What everybody who signs has to do, however the key is kept. */
function signerContract(name: string, make: () => Promise<Signer>): void {
  describe(name, () => {
    it("makes clear-signed, detached and armoured signatures that gpgv calls good", async () => {
      const signer = await make();
      const key = await signer.publicKey();
      expect(await gpgv(key, await signer.clearSign(TEXT))).toMatchObject({ isGood: true });
      expect(await gpgv(key, await signer.sign(BYTES), TEXT)).toMatchObject({ isGood: true });
      expect(await gpgv(key, await signer.signArmored(BYTES), TEXT)).toMatchObject({ isGood: true });
      expect(await gpgv(key, await signer.sign(BYTES), `${TEXT} `)).toMatchObject({ isGood: false });
    });

    it("makes what Headwater believes of an upstream", async () => {
      const signer = await make();
      const keyring = new TextEncoder().encode(await signer.publicKey());
      const clear = new TextEncoder().encode(await signer.clearSign(TEXT));
      expect((await verifyClearsigned(clear, keyring, "x")).text).toBe(TEXT);
      const armoured = new TextEncoder().encode(await signer.signArmored(BYTES));
      expect((await verifyDetached(BYTES, armoured, keyring, "x")).text).toBe(TEXT);
      expect((await verifyDetached(BYTES, await signer.sign(BYTES), keyring, "x")).text).toBe(TEXT);
    });

    it("puts one line of header before a clear-signed text, and binary bytes into a detached signature", async () => {
      const signer = await make();
      const [begin, hash, empty] = (await signer.clearSign(TEXT)).split(/\r?\n/);
      expect([begin, empty]).toEqual(["-----BEGIN PGP SIGNED MESSAGE-----", ""]);
      expect(hash).toMatch(/^Hash: SHA(256|512)$/);
      expect(Buffer.from(await signer.sign(BYTES)).toString("latin1")).not.toContain("BEGIN");
      expect(await signer.signArmored(BYTES)).toMatch(/^-----BEGIN PGP SIGNATURE-----/);
    });

    it("signs a stream as it signs the same bytes at once", async () => {
      const signer = await make();
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < BYTES.length; at += 7) yield BYTES.subarray(at, at + 7);
      };
      const key = await signer.publicKey();
      expect(await gpgv(key, await signer.sign(pieces()), TEXT)).toMatchObject({ isGood: true });
      expect(await gpgv(key, await signer.signArmored(pieces()), TEXT)).toMatchObject({ isGood: true });
    });

    it("fails with what a stream fails with", async () => {
      const signer = await make();
      const broken = async function* (): AsyncGenerator<Uint8Array> {
        yield BYTES;
        throw new Error("the disk is gone");
      };
      await expect(signer.sign(broken())).rejects.toThrow("the disk is gone");
    });

    it("tells the fingerprint of its key", async () => {
      const { readKey } = await import("openpgp");
      const signer = await make();
      const key = await readKey({ armoredKey: await signer.publicKey() });
      expect(key.getFingerprint().toUpperCase()).toBe(signer.fingerprint);
      expect(key.isPrivate()).toBe(false);
    });
  });
}

describe.skipIf(!hasGpg)("who signs", () => {
  let home: GpgHome;
  let fingerprint: string;
  let rsa: string;
  let ours: string;
  let oursRsa: Signer;
  beforeAll(async () => {
    ours = await mkdtemp(join(tmpdir(), "headwater-signers-"));
    // Made once: that takes seconds.
    oursRsa = await newSigner(ours, { kind: "rsa4096" });
    home = await gpgHome();
    fingerprint = await home.newKey();
    rsa = await home.newKey({ kind: "rsa2048" });
  }, 60_000);
  afterAll(async () => {
    await home.close();
    await rm(ours, { recursive: true, force: true });
  });

  signerContract("an Ed25519 key in a file", () => newSigner(join(folder, "keys")));
  signerContract("an RSA key in a file", async () => oursRsa);
  signerContract("a protected key in a file", () =>
    newSigner(join(folder, "keys"), { passphrase: "open sesame" }),
  );
  signerContract("a key of a gpg-agent", async () => new GpgSigner({ fingerprint, home: home.path }));
  signerContract(
    "an RSA key of a gpg-agent",
    async () => new GpgSigner({ fingerprint: rsa, home: home.path }),
  );
  signerContract("a key that gpg made, in a file", async () => importedFrom(home, fingerprint));

  it("is not disturbed by what somebody's gpg.conf says", async () => {
    const odd = ["armor", "comment surprise", "emit-version", "digest-algo SHA1", "textmode"];
    const elsewhere = [`output ${join(home.path, "out")}`, `local-user ${rsa}`];
    await writeFile(join(home.path, "gpg.conf"), `${[...odd, ...elsewhere].join("\n")}\n`);
    try {
      const signer = new GpgSigner({ fingerprint, home: home.path });
      expect(await signer.clearSign(TEXT)).not.toContain("surprise");
      expect(Buffer.from(await signer.sign(BYTES)).toString("latin1")).not.toContain("BEGIN");
      expect((await signer.clearSign(TEXT)).split("\n")[1]).toBe("Hash: SHA512");
      expect(await signersOf(await signer.sign(BYTES))).toHaveLength(1);
    } finally {
      await rm(join(home.path, "gpg.conf"));
    }
  });
});

/** A secret key out of gpg, in a file of its own, as `key import` takes it. */
async function importedFrom(home: GpgHome, fingerprint: string, passphrase?: string): Promise<KeySigner> {
  const path = join(folder, `${fingerprint}.asc`);
  const secret = ["--pinentry-mode", "loopback", "--passphrase", passphrase ?? ""];
  await writeFile(path, await home.gpg(...secret, "--armor", "--export-secret-keys", fingerprint), {
    mode: 0o600,
  });
  return new KeySigner({ fingerprint, path }, async () => passphrase);
}

describe.skipIf(!hasGpg)("a key of a gpg-agent", () => {
  let home: GpgHome;
  beforeAll(async () => {
    home = await gpgHome();
  });
  afterAll(() => home.close());

  it("that would have to ask is locked", async () => {
    const fingerprint = await home.newKey({ passphrase: "open sesame" });
    const signer = new GpgSigner({ fingerprint, home: home.path });
    await home.unlock(fingerprint, "open sesame");
    expect(await signer.clearSign(TEXT)).toContain("SIGNATURE");
    await home.forget();
    for (const form of ["clearSign", "sign", "signArmored"] as const) {
      const signing = form === "clearSign" ? signer.clearSign(TEXT) : signer[form](BYTES);
      expect(await failureOf(signing)).toMatchObject({
        code: "KEY_LOCKED",
        message: expect.stringContaining(fingerprint),
        hint: expect.stringContaining("--no-sign"),
      });
    }
  });

  it("that gpg does not have, or that has expired, cannot be used, and the reason is gpg's", async () => {
    const unknown = new GpgSigner({ fingerprint: "0".repeat(40), home: home.path });
    expect(await failureOf(unknown.sign(BYTES))).toMatchObject({
      code: "KEY_UNUSABLE",
      message: expect.stringMatching(/No secret key|skipped|unusable/i),
    });
    const expired = await home.newKey({ expires: "seconds=1" });
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const signer = new GpgSigner({ fingerprint: expired, home: home.path });
    expect(await failureOf(signer.sign(BYTES))).toMatchObject({
      code: "KEY_UNUSABLE",
      message: expect.stringMatching(/expired|unusable/i),
    });
  });

  it("without gpg cannot be used, and the message says what is missing", async () => {
    const before = process.env["PATH"];
    process.env["PATH"] = folder;
    try {
      const signer = new GpgSigner({ fingerprint: "0".repeat(40), home: home.path });
      expect(await failureOf(signer.sign(BYTES))).toMatchObject({
        code: "KEY_UNUSABLE",
        hint: expect.stringContaining("GnuPG"),
      });
    } finally {
      process.env["PATH"] = before;
    }
  });

  it("signs with a subkey, also when the primary key is kept elsewhere", async () => {
    const fingerprint = await home.newKey({ usage: "cert" });
    const secret = ["--pinentry-mode", "loopback", "--passphrase", ""];
    await home.gpg(...secret, "--quick-add-key", fingerprint, "ed25519", "sign");
    const path = join(folder, `${fingerprint}.asc`);
    const exported = await home.gpg(...secret, "--armor", "--export-secret-subkeys", fingerprint);
    await writeFile(path, exported, { mode: 0o600 });
    const signer = new KeySigner({ fingerprint, path }, async () => undefined);
    const key = await signer.publicKey();
    expect(await gpgv(key, await signer.clearSign(TEXT))).toMatchObject({ isGood: true });
  });
});

describe("a key file", () => {
  it("that others may read is refused, with the command that mends it", async () => {
    const { fingerprint } = await newSigner(join(folder, "keys"));
    const path = join(folder, "keys", `${fingerprint}.asc`);
    for (const mode of [0o640, 0o604, 0o666, 0o620]) {
      await chmod(path, mode);
      const signer = new KeySigner({ fingerprint, path }, async () => undefined);
      expect(await failureOf(signer.clearSign(TEXT))).toMatchObject({
        code: "KEY_UNUSABLE",
        message: expect.stringContaining(`0${mode.toString(8)}`),
        hint: expect.stringContaining(`chmod 600 ${path}`),
      });
      await chmod(path, 0o600);
      // The same signer, once it is mended.
      expect(await signer.clearSign(TEXT)).toContain("SIGNATURE");
    }
  });

  it("that is protected stays locked without the passphrase, and says nothing of a wrong one", async () => {
    const { fingerprint } = await newSigner(join(folder, "keys"), { passphrase: "open sesame" });
    const path = join(folder, "keys", `${fingerprint}.asc`);
    for (const passphrase of [undefined, "open sesamee"]) {
      const error = await failureOf(new KeySigner({ fingerprint, path }, async () => passphrase).sign(BYTES));
      expect(error.code).toBe("KEY_LOCKED");
      expect(error.hint).toContain("HEADWATER_SIGNING_PASSPHRASE");
      const everything = `${error.message} ${error.hint} ${error.stack} ${JSON.stringify(error.details)} ${String(error.cause)}`;
      expect(everything).not.toContain("sesame");
    }
  });

  it("that is another key than its name says, or none, is refused", async () => {
    const { fingerprint } = await newSigner(join(folder, "keys"));
    const other = "A".repeat(40);
    const path = join(folder, `${other}.asc`);
    await copyFile(join(folder, "keys", `${fingerprint}.asc`), path);
    const sign = () =>
      failureOf(new KeySigner({ fingerprint: other, path }, async () => undefined).sign(BYTES));
    expect(await sign()).toMatchObject({
      code: "KEY_UNUSABLE",
      message: expect.stringContaining("another key"),
    });
    await writeFile(path, "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nnonsense\n");
    expect(await sign()).toMatchObject({ code: "KEY_UNUSABLE" });
    await rm(path);
    expect(await sign()).toMatchObject({ code: "KEY_UNUSABLE" });
  });
});
