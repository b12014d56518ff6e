import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as openpgp from "openpgp";
import { beforeAll, describe, expect, it } from "vitest";
import { checkKeyring, verifyClearsigned, verifyDetached } from "../../src/upstream/signature.ts";
import { failureOf } from "./failure.ts";

const TEXT = '{\n  "format": "index:1.0",\n- a line with a dash\n-----and more\n  "é": "ü"\n}';
const PLACE = "https://images.example/streams/v1/index.sjson";
const DAY = 24 * 3600 * 1000;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Signer {
  readonly secret: openpgp.PrivateKey;
  readonly public: string;
  readonly keyId: string;
}

async function makeSigner(more: { date?: Date; keyExpirationTime?: number } = {}): Promise<Signer> {
  const { privateKey } = await openpgp.generateKey({
    type: "rsa",
    rsaBits: 2048,
    userIDs: [{ name: "A signer" }],
    format: "object",
    ...more,
  });
  const own = privateKey.toPublic();
  return { secret: privateKey, public: own.armor(), keyId: own.getKeyID().toHex() };
}

async function clearsign(text: string, signer: Signer, date = new Date()): Promise<string> {
  const message = await openpgp.createCleartextMessage({ text });
  return openpgp.sign({ message, signingKeys: signer.secret, date });
}

async function detach(bytes: Uint8Array, signer: Signer, format: "armored" | "binary"): Promise<Uint8Array> {
  const message = await openpgp.createMessage({ binary: bytes });
  if (format === "binary") {
    return openpgp.sign({ message, signingKeys: signer.secret, detached: true, format: "binary" });
  }
  return encode(
    await openpgp.sign({ message, signingKeys: signer.secret, detached: true, format: "armored" }),
  );
}

let signer: Signer;
let other: Signer;
beforeAll(async () => {
  [signer, other] = await Promise.all([makeSigner(), makeSigner()]);
}, 60_000);

describe("a clear-signed document", () => {
  it("is exactly the text that was signed, and tells who signed", async () => {
    const signed = await clearsign(TEXT, signer);
    expect(signed).toContain("- - a line with a dash");
    const verified = await verifyClearsigned(encode(signed), encode(signer.public), PLACE);
    expect(verified).toEqual({ text: TEXT, keyId: signer.keyId });
  });

  it("is the same with the line ends of Windows", async () => {
    const signed = (await clearsign(TEXT, signer)).replaceAll(/\r?\n/g, "\r\n");
    expect((await verifyClearsigned(encode(signed), encode(signer.public), PLACE)).text).toBe(TEXT);
  });

  it("gives nothing of what stands before and after what was signed", async () => {
    const signed = await clearsign(TEXT, signer);
    const work = verifyClearsigned(encode(`{"evil":1}\n${signed}\n{"evil":2}`), encode(signer.public), PLACE);
    const text = await work.then((verified) => verified.text).catch(() => "refused");
    expect([TEXT, "refused"]).toContain(text);
  });

  it("is believed by any key of the keyring, armored, binary, or blocks one after the other", async () => {
    const signed = encode(await clearsign(TEXT, signer));
    const packets = [other, signer].map(async (each) =>
      (await openpgp.readKey({ armoredKey: each.public })).write(),
    );
    const keyrings = [
      encode(`# ours\n${other.public}\n${signer.public}`.replace("# ours\n", "")),
      Buffer.concat(await Promise.all(packets)),
    ];
    for (const keyring of keyrings) {
      expect((await verifyClearsigned(signed, keyring, PLACE)).keyId).toBe(signer.keyId);
    }
  });

  it("is refused when a byte of it changed, when another key signed it, and without a signature", async () => {
    const signed = await clearsign(TEXT, signer);
    const keyring = encode(signer.public);
    const forged = [
      signed.replace("index:1.0", "index:1.1"),
      await clearsign(TEXT, other),
      TEXT,
      signed.slice(0, signed.indexOf("-----BEGIN PGP SIGNATURE")),
      "",
    ];
    for (const text of forged) {
      const error = await failureOf(verifyClearsigned(encode(text), keyring, PLACE));
      expect(error).toMatchObject({ code: "UPSTREAM_UNTRUSTED", message: expect.stringContaining(PLACE) });
    }
  });

  it("is refused when its key has expired before, or was revoked", async () => {
    const old = await makeSigner({ date: new Date(Date.now() - 10 * DAY), keyExpirationTime: 5 * 24 * 3600 });
    const signed = await clearsign(TEXT, old, new Date(Date.now() - 9 * DAY));
    const late = await failureOf(verifyClearsigned(encode(signed), encode(old.public), PLACE));
    expect(late).toMatchObject({ code: "UPSTREAM_UNTRUSTED", message: expect.stringMatching(/expired/i) });
    const { publicKey } = await openpgp.revokeKey({ key: signer.secret, format: "armored" });
    const revoked = await failureOf(
      verifyClearsigned(encode(await clearsign(TEXT, signer)), encode(publicKey), PLACE),
    );
    expect(revoked).toMatchObject({ code: "UPSTREAM_UNTRUSTED", message: expect.stringMatching(/revoked/i) });
  });

  it("from the future is refused", async () => {
    const signed = await clearsign(TEXT, signer, new Date(Date.now() + 3 * DAY));
    expect(await failureOf(verifyClearsigned(encode(signed), encode(signer.public), PLACE))).toMatchObject({
      code: "UPSTREAM_UNTRUSTED",
    });
  });
});

describe("a document with its signature beside it", () => {
  it.each(["armored", "binary"] as const)("is believed as it is, the signature %s", async (format) => {
    const bytes = encode(`${TEXT}\r\n  trailing  \n`);
    const signature = await detach(bytes, signer, format);
    const verified = await verifyDetached(bytes, signature, encode(signer.public), PLACE);
    expect(verified).toEqual({ text: new TextDecoder().decode(bytes), keyId: signer.keyId });
    const changed = Buffer.from(bytes);
    changed[3] = (changed[3] ?? 0) ^ 1;
    for (const [document, keyring] of [
      [changed, signer.public],
      [bytes, other.public],
    ] as const) {
      expect(await failureOf(verifyDetached(document, signature, encode(keyring), PLACE))).toMatchObject({
        code: "UPSTREAM_UNTRUSTED",
      });
    }
  });

  it("is refused with something else than a signature", async () => {
    for (const signature of ["", "<html>", "-----BEGIN PGP SIGNATURE-----\n\nnonsense\n", "{}"]) {
      const work = verifyDetached(encode(TEXT), encode(signature), encode(signer.public), PLACE);
      expect(await failureOf(work)).toMatchObject({ code: "UPSTREAM_UNTRUSTED" });
    }
  });
});

describe("a keyring", () => {
  it("without a public key is told as that", async () => {
    for (const text of ["", "nonsense", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnonsense\n"]) {
      expect(await failureOf(checkKeyring(encode(text)))).toMatchObject({
        code: "UPSTREAM_UNTRUSTED",
        message: expect.stringContaining("keyring"),
      });
    }
    await checkKeyring(encode(signer.public));
  });
});

const hasGpg = spawnSync("gpg", ["--version"]).status === 0;
if (!hasGpg) process.stdout.write("not tested: signatures made by gpg, which is not on this machine\n");

describe.runIf(hasGpg)("what gpg signs", () => {
  it("is believed with SHA-512, clear-signed and beside the document, as Ubuntu does it, and not with SHA-1", async () => {
    const home = await mkdtemp(join(tmpdir(), "hw-gpg-"));
    const gpg = (...args: string[]): Promise<unknown> =>
      promisify(execFile)("gpg", [
        "--homedir",
        home,
        "--batch",
        "--yes",
        "--quiet",
        "--digest-algo",
        "SHA512",
        ...args,
      ]);
    try {
      const file = join(home, "index.json");
      await writeFile(file, `${TEXT}\n`);
      await gpg(
        "--passphrase",
        "",
        "--quick-generate-key",
        "A signer <a@example>",
        "rsa4096",
        "sign",
        "never",
      );
      await gpg("--output", join(home, "ring.gpg"), "--export");
      await gpg("--output", `${file}.s`, "--clearsign", file);
      await gpg("--output", `${file}.gpg`, "--armor", "--detach-sign", file);
      const [keyring, document, signed, signature] = await Promise.all(
        [join(home, "ring.gpg"), file, `${file}.s`, `${file}.gpg`].map((each) => readFile(each)),
      );
      if (keyring === undefined || document === undefined || signed === undefined || signature === undefined)
        throw new Error("gpg wrote nothing");
      expect(signed.toString()).toContain("Hash: SHA512");
      expect((await verifyClearsigned(signed, keyring, PLACE)).text.trimEnd()).toBe(TEXT);
      expect((await verifyDetached(document, signature, keyring, PLACE)).text).toBe(`${TEXT}\n`);
      await gpg("--digest-algo", "SHA1", "--output", `${file}.weak`, "--clearsign", file);
      const weak = await readFile(`${file}.weak`);
      expect(weak.toString()).toContain("Hash: SHA1");
      expect(await failureOf(verifyClearsigned(weak, keyring, PLACE))).toMatchObject({
        code: "UPSTREAM_UNTRUSTED",
        message: expect.stringMatching(/sha1/i),
      });
    } finally {
      spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
      await rm(home, { recursive: true, force: true });
    }
  }, 120_000);
});
