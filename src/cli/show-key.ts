import { open, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { keysOf, openStore } from "../compose.ts";
import { HeadwaterError } from "../error.ts";
import { describeKey, type KeyDescription, readSecretKey } from "../signing/openpgp-key.ts";
import { readPrivateFile } from "../signing/private-file.ts";
import type { Signer } from "../store/signer.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { dataFolder } from "./data-folder.ts";
import { STATUS_OF_CODE } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { noKey } from "./no-key.ts";
import { jsonText } from "./output.ts";
import { printKey } from "./print-key.ts";
import { signingOf } from "./signing.ts";

/** Shows the key in use and whether it can sign now; ends with the status of the reason when it cannot. */
export async function showSigningKey(context: Context, options: GlobalOptions): Promise<void> {
  const { io } = context;
  const signer = await signerInUse(io, options);
  const key = await keyInFolder(io, options);
  const reason = await whyNot(signer);
  printKey(io, options, { fingerprint: signer.fingerprint, key, reason: reason?.message });
  if (reason !== undefined) context.exitWith(STATUS_OF_CODE[reason.code]);
}

/** Prints the public key, for whoever is to check signatures. */
export async function exportPublicKey(io: Io, options: GlobalOptions): Promise<void> {
  const signer = await signerInUse(io, options);
  const publicKey = await signer.publicKey();
  io.stdout.write(
    options.json === true ? jsonText({ fingerprint: signer.fingerprint, publicKey }) : publicKey,
  );
}

/** Writes the secret key as it lies in the store, with its passphrase if it has one, to a new file that its owner alone can read. */
export async function exportSecretKey(io: Io, options: GlobalOptions, file: string): Promise<void> {
  const { fingerprint } = await signerInUse(io, options);
  const current = keysOf(dataFolder(io, options)).current();
  if (current?.fingerprint !== fingerprint) {
    throw new HeadwaterError("USAGE", `the secret part of ${fingerprint} is gpg's, not Headwater's`, {
      hint: "gpg --export-secret-keys --armor exports it.",
    });
  }
  const target = resolve(io.cwd, file);
  const secret = new TextDecoder().decode(await readPrivateFile(current.path, "the signing key"));
  await writeNew(target, secret);
  if (options.json === true) io.stdout.write(jsonText({ fingerprint, file: target }));
  else notice(io, options, `Written: ${target}. Whoever has it signs as this site.`);
}

/** Under its own name from the start: a stick has no hard links, and nothing secret stays under another name. What fails is taken away. */
async function writeNew(file: string, secret: string): Promise<void> {
  try {
    const target = await open(file, "wx", 0o600);
    try {
      if (((await target.stat()).mode & 0o077) !== 0) throw new Error("others could read it there");
      await target.writeFile(secret);
      await target.sync();
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    } finally {
      await target.close();
    }
  } catch (cause) {
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    if (isThere)
      throw new HeadwaterError("NAME_TAKEN", `${file} is there already`, { hint: "Name a new file.", cause });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HeadwaterError("TARGET_UNUSABLE", `cannot write ${file}: ${why}`, { cause });
  }
}

async function signerInUse(io: Io, options: GlobalOptions): Promise<Signer> {
  const { signer } = await openStore(dataFolder(io, options), await signingOf(io, options));
  if (signer !== undefined) return signer;
  throw noKey(dataFolder(io, options));
}

/** What the file says; nothing of a key that gpg has. */
async function keyInFolder(
  io: Io,
  options: GlobalOptions,
): Promise<(KeyDescription & { readonly file: string }) | undefined> {
  const signing = await signingOf(io, options);
  if (signing === "off" || signing.gpg !== undefined) return undefined;
  const current = keysOf(dataFolder(io, options)).current();
  if (current === undefined) return undefined;
  const key = await readSecretKey(await readPrivateFile(current.path, "the signing key"), current.path);
  return { ...(await describeKey(key)), file: current.path };
}

async function whyNot(signer: Signer): Promise<HeadwaterError | undefined> {
  try {
    await signer.sign(new Uint8Array([0x0a]));
    return undefined;
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
}
