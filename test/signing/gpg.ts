import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readKey } from "openpgp";

/** GnuPG is the judge of signatures, and on every machine with apt; where it is missing the tests that need it are skipped. */
export const hasGpg =
  spawnSync("gpgv", ["--version"]).status === 0 && spawnSync("gpg", ["--version"]).status === 0;

const run = promisify(execFile);

/** What `gpgv` says of a clear-signed document, or of a document with its signature in another file. */
export async function gpgv(
  publicKey: string,
  signed: Uint8Array | string,
  document?: Uint8Array | string,
): Promise<{ readonly isGood: boolean; readonly said: string }> {
  const folder = await mkdtemp(join(tmpdir(), "hw-gpgv-"));
  try {
    const [keyring, first, second] = ["keyring.gpg", "signed", "document"].map((name) => join(folder, name));
    await writeFile(keyring ?? "", (await readKey({ armoredKey: publicKey })).write());
    await writeFile(first ?? "", signed);
    if (document !== undefined) await writeFile(second ?? "", document);
    const files = [first ?? "", ...(document === undefined ? [] : [second ?? ""])];
    const { status, stderr } = spawnSync("gpgv", ["--keyring", keyring ?? "", ...files], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C", GNUPGHOME: folder },
    });
    return { isGood: status === 0 && stderr.includes("Good signature"), said: stderr };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A home of GnuPG with an agent of its own. */
export interface GpgHome {
  readonly path: string;
  gpg(...args: string[]): Promise<string>;
  /** Makes a key that signs; without a passphrase unless one is given. Resolves with its fingerprint. */
  newKey(options?: {
    readonly passphrase?: string;
    readonly kind?: string;
    readonly usage?: string;
    readonly expires?: string;
  }): Promise<string>;
  /** The agent knows the passphrase, as after somebody typed it. */
  unlock(fingerprint: string, passphrase: string): Promise<void>;
  /** The agent forgets passphrases. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

export async function gpgHome(): Promise<GpgHome> {
  // The agent's socket is in there, and its path must be short.
  const path = await mkdtemp("/tmp/hwg-");
  await writeFile(
    join(path, "gpg-agent.conf"),
    "allow-loopback-pinentry\nallow-preset-passphrase\npinentry-program /nonexistent\n",
  );
  const gpg = async (...args: string[]): Promise<string> => {
    const { stdout } = await run("gpg", ["--homedir", path, "--batch", "--no-tty", ...args], {
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
    });
    return stdout;
  };
  return {
    path,
    gpg,
    async newKey({ passphrase = "", kind = "ed25519", usage = "sign", expires = "never" } = {}) {
      const secret = ["--pinentry-mode", "loopback", "--passphrase", passphrase];
      await gpg(
        ...secret,
        "--quick-generate-key",
        `Test ${Math.random()} <test@example.com>`,
        kind,
        usage,
        expires,
      );
      const listed = await gpg("--list-secret-keys", "--with-colons");
      // The newest is the last one.
      return [...listed.matchAll(/^sec:.*\nfpr:+([0-9A-F]{40}):/gm)].at(-1)?.[1] ?? "";
    },
    async unlock(fingerprint, passphrase) {
      const listed = await gpg("--list-secret-keys", "--with-colons", "--with-keygrip", fingerprint);
      const grip = /^grp:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
      const hex = Buffer.from(passphrase).toString("hex");
      await run("gpg-connect-agent", ["--homedir", path, `PRESET_PASSPHRASE ${grip} -1 ${hex}`, "/bye"]);
    },
    async forget() {
      await run("gpg-connect-agent", ["--homedir", path, "reloadagent", "/bye"]);
    },
    async close() {
      await run("gpgconf", ["--homedir", path, "--kill", "all"]);
      await rm(path, { recursive: true, force: true });
    },
  };
}
