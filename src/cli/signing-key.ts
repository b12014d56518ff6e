import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { keysOf } from "../compose.ts";
import { parseDuration } from "../config/duration.ts";
import type { Config } from "../config/schema.ts";
import { HeadwaterError } from "../error.ts";
import { publishAgain } from "../publish/render-anew.ts";
import type { KeyOwner } from "../signing/key-folder.ts";
import type { KeyDescription } from "../signing/openpgp-key.ts";
import { importKey, takeNewKey } from "../signing/take-key.ts";
import type { Generation } from "../store/generation.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { storeToChange, storeToFill, storeToTry } from "./open-store.ts";
import { noKey } from "./no-key.ts";
import { printKeyInUse } from "./print-key.ts";
import { printPublished } from "./print-published.ts";
import { wantedNames } from "./server-identity.ts";
import { readSettings } from "./settings.ts";
import { passphraseOf } from "./signing.ts";

export interface NewKeyOptions extends GlobalOptions {
  readonly name?: string;
  readonly rsa?: boolean;
  readonly expires?: string;
  readonly replace?: boolean;
}

/** Makes a key in the store's folder, and publishes what is listed once more, signed with it. */
export async function newSigningKey(io: Io, options: NewKeyOptions): Promise<void> {
  const { config } = await readSettings(io, options);
  refuseBesideGpg(config);
  const { name, rsa = false, expires = "0", replace = false } = options;
  const wishes = {
    userId: name ?? `${wantedNames(config)[0] ?? "Headwater"} (Headwater)`,
    kind: rsa ? ("rsa4096" as const) : ("ed25519" as const),
    lifetime: Math.ceil(parseDuration(expires) / 1000),
    passphrase: await passphraseOf(io, config)(),
  };
  const store = await storeToFill(io, options);
  const key = await takeNewKey(keysOf(store.name), wishes, { replace, owner: await ownerOf(io, store) });
  await publishSigned(io, options, store, key);
}

export interface ImportKeyOptions extends GlobalOptions {
  readonly replace?: boolean;
  readonly dryRun?: boolean;
}

/** The same with a key out of a file. */
export async function importSigningKey(io: Io, options: ImportKeyOptions, file: string): Promise<void> {
  const { config } = await readSettings(io, options);
  refuseBesideGpg(config);
  const { replace = false, dryRun = false } = options;
  const { store, remove } = dryRun
    ? await storeToTry(io, options)
    : { store: await storeToFill(io, options), remove: async () => undefined };
  try {
    const owner = await ownerOf(io, store);
    const taking = { replace, owner, dryRun, passphrase: passphraseOf(io, config) };
    const key = await importKey(keysOf(store.name), resolve(io.cwd, file), taking);
    if (dryRun) printKeyInUse(io, options, { key, file: undefined, generation: undefined });
    else await publishSigned(io, options, store, key);
  } finally {
    await remove();
  }
}

/** Clients see the key in use at once, and not only after the next image. */
async function publishSigned(
  io: Io,
  options: GlobalOptions,
  store: Store,
  key: KeyDescription,
): Promise<void> {
  const { fingerprint } = key;
  const generation = await signAll(store, fingerprint);
  printKeyInUse(io, options, { key, file: keysOf(store.name).pathOf(fingerprint), generation });
}

/** Signs what is listed once more, with the key as it is now. */
export async function signAgain(io: Io, options: GlobalOptions): Promise<void> {
  const store = await storeToChange(io, options);
  const { signer } = store;
  if (signer === undefined) throw noKey(store.name);
  printPublished(io, options, { store, generation: await signAll(store, signer.fingerprint) });
}

function signAll(store: Store, fingerprint: string): Promise<Generation | undefined> {
  return publishAgain(store, { verb: "key", text: `signed by ${fingerprint}` }, { signsAnew: true });
}

function refuseBesideGpg({ signing }: Config): void {
  if (signing.gpg === undefined) return;
  throw new HeadwaterError("USAGE", `the configuration names a key that gpg has: ${signing.gpg}`, {
    hint: "Take `gpg` out of `signing` in headwater.yaml to sign with a key of the store's folder.",
  });
}

/** Root gives what it writes into somebody's store to that somebody. */
async function ownerOf(io: Io, { name }: Store): Promise<KeyOwner | undefined> {
  if (!io.isRoot) return undefined;
  const { uid, gid } = await stat(name);
  return uid === 0 ? undefined : { uid, gid };
}
