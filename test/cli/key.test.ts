import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decryptKey, generateKey, readKey, readPrivateKey } from "openpgp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GpgHome, gpgHome, hasGpg } from "../signing/gpg.ts";
import { type Site, temporarySite } from "./site.ts";
import { startCommand } from "./start.ts";

const PASSPHRASE = "correct horse battery staple";
const withPassphrase = { env: { HEADWATER_SIGNING_PASSPHRASE: PASSPHRASE } };

let site: Site;
beforeEach(async () => {
  site = await temporarySite();
});
afterEach(() => site.remove());

interface Key {
  readonly fingerprint: string;
  readonly file: string;
  readonly generation: number | null;
  readonly isProtected: boolean;
}

function keyFiles(): string[] {
  return existsSync(join(site.data, "keys")) ? readdirSync(join(site.data, "keys")).sort() : [];
}

/** Whose signatures the newest generation carries. */
function signedBy(): string[] {
  const folder = join(site.data, "generations");
  const newest = readdirSync(folder).sort().at(-1) ?? "";
  const { documents } = JSON.parse(readFileSync(join(folder, newest), "utf8")) as {
    documents: Record<string, { signedBy?: string }>;
  };
  return [...new Set(Object.values(documents).flatMap((document) => document.signedBy ?? []))];
}

async function keyFile(
  name: string,
  options: Omit<Parameters<typeof generateKey>[0], "format">,
): Promise<string> {
  const { privateKey } = await generateKey({ ...options, format: "armored" });
  const path = join(site.folder, name);
  writeFileSync(path, privateKey, { mode: 0o600 });
  return path;
}

const userIDs = [{ name: "Somebody" }];

describe("headwater key new", () => {
  it("makes a key, signs what is listed at once, and all that comes", async () => {
    await site.json("add", ...(await site.files("a")));
    expect(signedBy()).toEqual([]);
    const key = (await site.json("key", "new", "--name", "Images <images@example.com>")) as Key;
    expect(key).toMatchObject({ generation: 2, algorithm: "ed25519", expiresAt: null, isProtected: false });
    expect(signedBy()).toEqual([key.fingerprint]);
    await site.json("alias", "add", "other", "tiny/1");
    expect(signedBy()).toEqual([key.fingerprint]);
    expect(keyFiles()).toEqual([`${key.fingerprint}.asc`, "current"].sort());
    expect(statSync(key.file).mode & 0o777).toBe(0o600);
  });

  it("works in a store that is not there yet", async () => {
    const { status, stdout } = await site.run(["key", "new"]);
    expect(status).toBe(0);
    expect(stdout).toContain("headwater key export > headwater.asc");
    expect(stdout).not.toContain("Published");
  });

  it("does not take the place of another key unless that is said, and keeps its file then", async () => {
    const first = (await site.json("key", "new")) as Key;
    const { status, stderr } = await site.run(["key", "new"]);
    expect([status, stderr]).toEqual([5, expect.stringContaining(first.fingerprint)]);
    const second = (await site.json("key", "new", "--replace", "--expires", "30d")) as Key;
    expect(keyFiles()).toHaveLength(3);
    expect(await site.json("key", "show")).toMatchObject({ fingerprint: second.fingerprint, canSign: true });
  });

  it("protects the key with the passphrase that is given outside of the command line", async () => {
    const { stdout } = await site.run(["key", "new", "--json"], withPassphrase);
    const { file } = JSON.parse(stdout) as Key;
    const key = await readPrivateKey({ armoredKey: readFileSync(file, "utf8") });
    expect(key.isDecrypted()).toBe(false);
    expect((await decryptKey({ privateKey: key, passphrase: PASSPHRASE })).isDecrypted()).toBe(true);
  });
});

describe("headwater key import", () => {
  it("signs with a key that was there", async () => {
    await site.json("add", ...(await site.files("a")));
    const file = await keyFile("rsa.asc", { type: "rsa", rsaBits: 2048, userIDs });
    const key = (await site.json("key", "import", file)) as Key;
    expect(key).toMatchObject({ algorithm: "rsa2048", generation: 2 });
    expect(signedBy()).toEqual([key.fingerprint]);
  });

  it("says with --dry-run what would be, and changes nothing", async () => {
    const file = await keyFile("key.asc", { userIDs });
    expect(await site.json("key", "import", file, "--dry-run")).toMatchObject({ dryRun: true, file: null });
    expect(existsSync(site.data)).toBe(false);
  });

  it.each([
    [
      "has expired",
      async () => keyFile("old.asc", { userIDs, date: new Date("2020-01-01"), keyExpirationTime: 60 }),
      11,
      "expired",
    ],
    ["is public", async () => publicOnly(), 11, "public key"],
    ["is no key", async () => nonsense(), 11, "no OpenPGP key"],
    [
      "is protected, without its passphrase",
      async () => keyFile("k.asc", { userIDs, passphrase: "x" }),
      11,
      "passphrase",
    ],
  ])("refuses a key that %s, and keeps the one it has", async (_what, make, status, words) => {
    const before = (await site.json("key", "new")) as Key;
    const result = await site.run(["key", "import", "--replace", await make()]);
    expect(result.status).toBe(status);
    expect(result.stderr).toContain(words);
    expect(await site.json("key", "show")).toMatchObject({ fingerprint: before.fingerprint });
    expect(keyFiles()).toHaveLength(2);
  });

  it("refuses a file that others can read", async () => {
    const file = await keyFile("key.asc", { userIDs });
    chmodSync(file, 0o644);
    const { status, stderr } = await site.run(["key", "import", file]);
    expect([status, stderr]).toEqual([11, expect.stringContaining(`chmod 600 ${file}`)]);
  });

  async function publicOnly(): Promise<string> {
    const { publicKey } = await generateKey({ userIDs, format: "armored" });
    const path = join(site.folder, "public.asc");
    writeFileSync(path, publicKey, { mode: 0o600 });
    return path;
  }

  async function nonsense(): Promise<string> {
    const path = join(site.folder, "nonsense");
    writeFileSync(path, "not a key\n", { mode: 0o600 });
    return path;
  }
});

describe("headwater key export", () => {
  it("prints the public key and nothing else", async () => {
    const { fingerprint } = (await site.json("key", "new")) as Key;
    const { stdout } = await site.run(["key", "export"]);
    const key = await readKey({ armoredKey: stdout });
    expect([key.isPrivate(), key.getFingerprint().toUpperCase()]).toEqual([false, fingerprint]);
    expect(await site.json("key", "export")).toEqual({ fingerprint, publicKey: stdout });
  });

  it("writes the secret key to a new file of its owner alone", async () => {
    const { file } = (await site.json("key", "new")) as Key;
    const { stdout } = await site.run(["key", "export", "--secret", "copy.asc"]);
    expect(stdout).toBe("");
    const copy = join(site.folder, "copy.asc");
    expect(readFileSync(copy, "utf8")).toBe(readFileSync(file, "utf8"));
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect((await site.run(["key", "export", "--secret", "copy.asc"])).status).toBe(5);
  });

  it("is clear when there is no key", async () => {
    await site.json("add", ...(await site.files("a")));
    expect((await site.run(["key", "export"])).status).toBe(3);
    expect((await site.run(["key", "show"])).status).toBe(3);
  });
});

describe("a locked key", () => {
  it("fails a publication, and --no-sign publishes without signatures", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.run(["key", "new"], withPassphrase);
    const failed = await site.run(["alias", "add", "other", "tiny/1", "--json"]);
    expect(failed.status).toBe(11);
    expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: "KEY_LOCKED" } });
    expect(readdirSync(join(site.data, "generations"))).toHaveLength(2);
    expect((await site.run(["key", "show"])).status).toBe(11);
    expect((await site.run(["alias", "add", "other", "tiny/1"], withPassphrase)).status).toBe(0);
    expect((await site.run(["alias", "remove", "other", "--no-sign"])).status).toBe(0);
    expect(signedBy()).toEqual([]);
  });

  it("is unlocked by a file that the configuration names, relative to it", async () => {
    await site.json("add", ...(await site.files("a")));
    const { stdout } = await site.run(["key", "new", "--json"], withPassphrase);
    writeFileSync(join(site.data, "headwater.yaml"), "signing:\n  passphraseFile: passphrase\n");
    writeFileSync(join(site.data, "passphrase"), `${PASSPHRASE}\n`, { mode: 0o600 });
    await site.json("alias", "add", "other", "tiny/1");
    expect(signedBy()).toEqual([(JSON.parse(stdout) as Key).fingerprint]);
    chmodSync(join(site.data, "passphrase"), 0o440);
    await site.json("alias", "add", "another", "tiny/1");
    chmodSync(join(site.data, "passphrase"), 0o644);
    const { status, stderr } = await site.run(["alias", "add", "third", "tiny/1"]);
    expect([status, stderr]).toEqual([11, expect.stringContaining("chmod 600")]);
  });
});

describe("headwater key sign", () => {
  it("signs everything again, with the key that there is", async () => {
    await site.json("add", ...(await site.files("a")));
    expect((await site.run(["key", "sign"])).status).toBe(3);
    const { fingerprint } = (await site.json("key", "new")) as Key;
    await site.run(["alias", "add", "other", "tiny/1", "--no-sign"]);
    expect(signedBy()).toEqual([]);
    expect(await site.json("key", "sign")).toMatchObject({ generation: 4 });
    expect(signedBy()).toEqual([fingerprint]);
  });
});

describe("headwater serve with a key", () => {
  const serve = (env: Record<string, string> = {}) => {
    const argv = ["serve", "--data", site.data, "--listen", "http://127.0.0.1:0", "--json"];
    return startCommand(argv, { folder: site.folder, env });
  };

  it("that is locked serves what is listed, and says that nothing new is published", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.run(["key", "new"], withPassphrase);
    const serving = await serve();
    expect(serving.io.stderrText()).toContain("nothing new is published here");
    expect(serving.io.stdoutText()).toContain('"generation": 2');
    expect(await serving.stop()).toBe(0);
  });

  it("that can sign says nothing, and nowhere the passphrase", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.run(["key", "new"], withPassphrase);
    const serving = await serve(withPassphrase.env);
    expect(await serving.stop()).toBe(0);
    const printed = serving.io.stdoutText() + serving.io.stderrText();
    expect(printed).not.toContain("nothing new");
    expect(printed).not.toContain(PASSPHRASE);
  });
});

describe("secrets", () => {
  it("are in nothing that is printed, whatever goes wrong", async () => {
    await site.json("add", ...(await site.files("a")));
    const { stdout } = await site.run(["key", "new", "--json"], withPassphrase);
    const { file } = JSON.parse(stdout) as Key;
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line.length > 20 && !line.includes("-----"));
    expect(lines.length).toBeGreaterThan(3);
    const wrong = { env: { HEADWATER_SIGNING_PASSPHRASE: `${PASSPHRASE}!` } };
    const printed: string[] = [];
    for (const options of [withPassphrase, wrong, {}]) {
      for (const json of [["--json"], []]) {
        for (const argv of [
          ["key", "show"],
          ["key", "export"],
          ["key", "import", file, "--replace"],
          ["key", "new"],
          ["alias", "add", `a${printed.length}`, "tiny/1"],
          ["backup", `copy${printed.length}`],
          ["history"],
        ]) {
          const run = await site.run([...argv, ...json], options);
          printed.push(run.stdout, run.stderr);
        }
      }
    }
    const everything = printed.join("\n");
    expect(everything).toContain("KEY_LOCKED");
    for (const secret of [PASSPHRASE, ...lines]) expect(everything).not.toContain(secret);
  });

  it("are not in a backup, which says so", async () => {
    await site.json("add", ...(await site.files("a")));
    await site.json("key", "new");
    const { stdout } = await site.run(["backup", "copy"]);
    expect(stdout).toContain("headwater key export --secret");
    expect(existsSync(join(site.folder, "copy", "keys"))).toBe(false);
    const restored = await site.run(["--data", join(site.folder, "copy"), "alias", "add", "x", "tiny/1"]);
    expect([restored.status, restored.stderr]).toEqual([11, expect.stringContaining("no key to sign with")]);
  });
});

describe.skipIf(!hasGpg)("a key that gpg has", () => {
  let home: GpgHome;
  beforeEach(async () => {
    home = await gpgHome();
  });
  afterEach(() => home.close());

  it("is refused by key import when nothing of it signs", async () => {
    const fingerprint = await home.newKey({ usage: "cert" });
    const secret = ["--pinentry-mode", "loopback", "--passphrase", ""];
    await home.gpg(...secret, "--quick-add-key", fingerprint, "cv25519", "encr");
    const file = join(site.folder, "key.asc");
    writeFileSync(file, await home.gpg(...secret, "--armor", "--export-secret-keys", fingerprint), {
      mode: 0o600,
    });
    const { status, stderr } = await site.run(["key", "import", file]);
    expect([status, stderr]).toEqual([11, expect.stringContaining(`${fingerprint} in ${file} cannot sign`)]);
    expect(keyFiles()).toEqual([]);
  });

  it("signs when the configuration names it", async () => {
    const fingerprint = await home.newKey();
    await site.json("add", ...(await site.files("a")));
    writeFileSync(
      join(site.data, "headwater.yaml"),
      `signing: {gpg: ${fingerprint}, gpgHome: ${home.path}}\n`,
    );
    await site.json("alias", "add", "other", "tiny/1");
    expect(signedBy()).toEqual([fingerprint]);
    expect(await site.json("key", "show")).toMatchObject({ fingerprint, file: null, canSign: true });
    expect(await site.run(["key", "export"])).toMatchObject({
      stderr: "",
      stdout: expect.stringContaining("BEGIN PGP PUBLIC KEY BLOCK"),
    });
    expect((await site.run(["key", "export", "--secret", "x"])).status).toBe(2);
    expect((await site.run(["key", "new"])).status).toBe(2);
  });
});

describe("a damaged signature", () => {
  it("is made anew by verify --repair, and nothing else is lost", async () => {
    await site.json("add", ...(await site.files("a")));
    const { fingerprint } = (await site.json("key", "new")) as Key;
    const folder = join(site.data, "generations");
    const newest = JSON.parse(
      readFileSync(join(folder, readdirSync(folder).sort().at(-1) ?? ""), "utf8"),
    ) as {
      documents: Record<string, { sha256: string }>;
    };
    const sha256 = newest.documents["images/streams/v1/images.sjson"]?.sha256 ?? "";
    writeFileSync(join(site.data, "blobs", sha256.slice(0, 2), sha256), "something else");
    expect((await site.run(["verify"])).status).toBe(7);
    expect((await site.run(["verify", "--repair"])).status).toBe(7);
    expect((await site.run(["verify"])).status).toBe(0);
    expect(signedBy()).toEqual([fingerprint]);
    expect(await site.json("list")).toHaveLength(1);
  });
});
