import { spawn } from "node:child_process";
import { buffer, text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HeadwaterError } from "../error.ts";

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
  31, // bad PIN
  85, // no pinentry
  86, // PIN entry
  99, // cancelled
  177, // no passphrase
]);

/**
 * Runs gpg, which must never ask: an agent that would have to is a locked key. Of the environment it gets what it needs to find its
 * keys and its agent, and no passphrase of ours.
 * @returns what it wrote to its standard output
 * @throws KEY_LOCKED, KEY_UNUSABLE
 */
export async function runGpg(
  key: GpgKey,
  args: readonly string[],
  input: AsyncIterable<Uint8Array> | Uint8Array = new Uint8Array(),
): Promise<Uint8Array> {
  const { home } = key;
  const options = [
    "--batch",
    "--no-tty",
    "--pinentry-mode",
    "error",
    "--status-fd",
    "3",
    "--no-auto-check-trustdb",
  ];
  const child = spawn("gpg", [...(home === undefined ? [] : ["--homedir", home]), ...options, ...args], {
    env: environment(),
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdin, stdout, stderr, statusLines] = child.stdio;
  const said = Promise.all([buffer(stdout), text(stderr), text(statusLines as Readable)]);
  // gpg may end before it has read everything; its status says why.
  const feeding = pipeline(Readable.from(input instanceof Uint8Array ? [input] : input), stdin).catch(
    (error: unknown) => error,
  );
  ended.catch(() => child.stdin?.destroy());
  let status: number | null;
  try {
    status = await ended;
  } catch (cause) {
    throw unusable(
      `The program gpg, which signs with the key ${key.fingerprint}, cannot be run: ${messageOf(cause)}.`,
      "Install GnuPG, or use a key file: see `headwater key`.",
      cause,
    );
  }
  const [output, complaint, facts] = await said;
  const broken = await feeding;
  if (status === 0 && broken === undefined) return output;
  if (status === 0) throw broken;
  throw explain(key, complaint, facts);
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
