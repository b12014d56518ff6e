import type { KeyDescription } from "../signing/openpgp-key.ts";
import type { Generation } from "../store/generation.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { visible } from "./visible.ts";

export interface KeyInUse {
  readonly key: KeyDescription;
  /** Undefined with `--dry-run`. */
  readonly file: string | undefined;
  /** Signed with it; undefined in an empty store. */
  readonly generation: Generation | undefined;
}

/** What came of `key new` and `key import`. */
export function printKeyInUse(io: Io, options: GlobalOptions, { key, file, generation }: KeyInUse): void {
  if (options.json === true) {
    const facts = { file: file ?? null, generation: generation?.number ?? null, dryRun: file === undefined };
    io.stdout.write(jsonText({ ...factsOf(key), ...facts }));
    return;
  }
  if (options.quiet === true) return;
  const lines = [
    ...linesOf(key, file),
    ...(file === undefined ? ["It can sign. Nothing was changed."] : []),
    ...(generation === undefined ? [] : [`Published generation ${generation.number}, signed.`]),
    ...(file === undefined
      ? []
      : [
          "Public key, for whoever checks signatures: headwater key export > headwater.asc",
          "Keep a copy of the secret one where it is safe: headwater key export --secret FILE. headwater backup does not copy it.",
        ]),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

export interface KeyShown {
  readonly fingerprint: string;
  /** Undefined for a key that gpg has. */
  readonly key: (KeyDescription & { readonly file: string }) | undefined;
  /** Why it cannot sign; undefined when it can. */
  readonly reason: string | undefined;
}

/** What `key show` says. */
export function printKey(io: Io, options: GlobalOptions, { fingerprint, key, reason }: KeyShown): void {
  if (options.json === true) {
    const facts = key === undefined ? { fingerprint } : factsOf(key);
    io.stdout.write(
      jsonText({ ...facts, file: key?.file ?? null, canSign: reason === undefined, reason: reason ?? null }),
    );
    return;
  }
  const lines = [
    ...(key === undefined ? [`Fingerprint:  ${fingerprint}`, "Kept by:      gpg"] : linesOf(key, key.file)),
    `Can sign:     ${reason === undefined ? "yes" : `no: ${reason}`}`,
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function factsOf({ fingerprint, userIds, algorithm, createdAt, expiresAt, isProtected }: KeyDescription) {
  return {
    fingerprint,
    userIds,
    algorithm,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    isProtected,
  };
}

function linesOf(key: KeyDescription, file: string | undefined): string[] {
  const { fingerprint, userIds, algorithm, expiresAt, isProtected } = key;
  return [
    `Fingerprint:  ${fingerprint}`,
    ...userIds.map((userId) => `User ID:      ${userId}`),
    `Algorithm:    ${algorithm}`,
    `Expires:      ${expiresAt === undefined ? "never" : expiresAt.toISOString().slice(0, 10)}`,
    `Passphrase:   ${isProtected ? "yes" : "no"}`,
    ...(file === undefined ? [] : [`File:         ${file}`]),
  ];
}
