import { spawn } from "node:child_process";
import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { HeadwaterError } from "../error.ts";
import { feed } from "../image/feed.ts";

export interface GpgKey {
  /** Of the primary key: 40 hexadecimal digits, upper case. */
  readonly fingerprint: string;
  /** The folder of gpg's configuration, keys and agent; undefined: the user's own. */
  readonly home?: string | undefined;
}

/** A signature takes milliseconds; a card that waits to be touched may take a while. */
const PATIENCE_MS = 120_000;
/** Reasons in gpg's status lines, the lower 16 bits (`libgpg-error`): the secret is there, and nobody can be asked for the passphrase. */
const LOCKED_REASONS: ReadonlySet<number> = new Set([
  11, // bad passphrase
  31, // invalid passphrase
  85, // no pinentry
  86, // pinentry failed
  87, // bad PIN
  99, // cancelled
  177, // no passphrase
  198, // cancelled for good
]);

/** It must never ask: an agent that would have to is a locked key. */
const OPTIONS = [
  // Somebody's gpg.conf may send the signature to a file, add another key's, or sign something that is not these bytes.
  "--no-options",
  "--batch",
  "--no-tty",
  "--pinentry-mode",
  "error",
  "--status-fd",
  "3",
  "--no-auto-check-trustdb",
];

/**
 * Runs gpg. Of the environment it gets what it needs to find its keys and its agent, and no passphrase of ours.
 * @returns what it wrote to its standard output
 * @throws KEY_LOCKED, KEY_UNUSABLE, and what the input throws
 */
export async function runGpg(
  key: GpgKey,
  args: readonly string[],
  input?: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<Uint8Array> {
  const home = key.home === undefined ? [] : ["--homedir", key.home];
  const child = spawn("gpg", [...home, ...OPTIONS, ...args], {
    env: environment(),
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw unusable(
      `The program gpg, which has the key ${key.fingerprint}, cannot be run: ${messageOf(cause)}.`,
      "Install GnuPG, or use a key file: see `headwater key`.",
      cause,
    );
  }
  const [stdin, stdout, stderr, statusLines] = child.stdio;
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const feeding = feed(pieces(input), stdin);
  const said = Promise.all([buffer(stdout), text(stderr), text(statusLines as Readable)]);
  const [output, complaint, facts] = await said;
  const status = await closed;
  await feeding.settled;
  // With its input broken off, gpg signs what it got.
  if (feeding.failure() !== undefined) throw feeding.failure();
  if (status === 0 && output.length > 0) return output;
  throw explain(key, child.killed ? "gpg: it did not answer in two minutes" : complaint, facts);
}

async function* pieces(
  input: AsyncIterable<Uint8Array> | Uint8Array | undefined,
): AsyncGenerator<Uint8Array> {
  if (input instanceof Uint8Array) yield input;
  else if (input !== undefined) yield* input;
}

/** No more than gpg and its agent need. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, GNUPGHOME, XDG_RUNTIME_DIR } = process.env;
  const given = { PATH, HOME, GNUPGHOME, XDG_RUNTIME_DIR, LC_ALL: "C" };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** `[GNUPG:] FAILURE sign 67108949` and the like: `doc/DETAILS` of GnuPG. */
function explain({ fingerprint }: GpgKey, complaint: string, facts: string): HeadwaterError {
  const code = Number(/^\[GNUPG:\] FAILURE \S+ (\d+)/m.exec(facts)?.[1] ?? 0) % 65_536;
  if (LOCKED_REASONS.has(code)) {
    return new HeadwaterError(
      "KEY_LOCKED",
      `The key ${fingerprint} is locked: its agent would have to ask for the passphrase.`,
      {
        hint: "Unlock it first, such as with `gpg --local-user KEY --clearsign` once, or gpg-preset-passphrase. --no-sign publishes without signatures.",
      },
    );
  }
  const lines = complaint.split("\n").filter((line) => line.startsWith("gpg: "));
  const reason = lines
    .map((line) => line.slice(5))
    .join("; ")
    .replaceAll(/[^\x20-\x7e]/g, " ")
    .slice(0, 300);
  return unusable(
    `gpg cannot sign with the key ${fingerprint}: ${reason === "" ? "it said no reason" : reason}.`,
    "Try `gpg --local-user KEY --clearsign` as the user that runs Headwater.",
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unusable(message: string, hint: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("KEY_UNUSABLE", message, { hint, ...(cause === undefined ? {} : { cause }) });
}
