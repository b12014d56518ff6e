import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { chmod, chown, link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeadwaterError } from "../error.ts";

/** Who gets new files, when that is not who runs: root at work in somebody's store. */
export interface KeyOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The key that is in use, and a word that changes whenever its file does. */
export interface CurrentKey {
  readonly fingerprint: string;
  readonly path: string;
  readonly state: string;
}

const FINGERPRINT = /^[0-9A-F]{40}$/;
/** A writer that is still at work is never that slow. */
const LEFTOVER_MS = 60 * 60 * 1000;

/**
 * The folder `keys/` of a store:
 *
 *     current              the fingerprint of the key that signs
 *     <fingerprint>.asc    secret keys, armoured, 0600: the one in use, and those that it took the place of
 *
 * Files get their names whole and synced, the key before `current`: whenever a writer dies, the old key or the new one is in use.
 */
export class KeyFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  pathOf(fingerprint: string): string {
    return join(this.path, `${fingerprint}.asc`);
  }

  /**
   * Asked before each publication, and at once (two small look-ups), so that a running server signs with the key that is in use now.
   * Undefined when there is none. Throws KEY_UNUSABLE when `current` names none.
   */
  current(): CurrentKey | undefined {
    const fingerprint = this.#named();
    if (fingerprint === undefined) return undefined;
    if (!FINGERPRINT.test(fingerprint)) throw unusable(`${this.#pointer} names no key.`);
    const path = this.pathOf(fingerprint);
    try {
      const { ino, mtimeMs, ctimeMs } = statSync(path);
      return { fingerprint, path, state: `${ino} ${mtimeMs} ${ctimeMs}` };
    } catch (error) {
      throw unusable(`The signing key ${fingerprint} is not in ${path}: ${messageOf(error)}.`, error);
    }
  }

  get #pointer(): string {
    return join(this.path, "current");
  }

  #named(): string | undefined {
    try {
      return readFileSync(this.#pointer, "utf8").trim();
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw unusable(`Cannot read ${this.#pointer}: ${messageOf(error)}.`, error);
    }
  }

  /** Puts a key in use. Throws NAME_TAKEN when another one is, unless it may be replaced; that one's file stays. */
  async use(
    fingerprint: string,
    armoured: string,
    { replace, owner }: { readonly replace: boolean; readonly owner?: KeyOwner | undefined },
  ): Promise<void> {
    const before = this.#named();
    // The same key again: with another date of expiry, or because its file was lost.
    const mayReplace = replace || before === fingerprint;
    if (before !== undefined && !mayReplace) throw taken(before);
    try {
      await this.#makeFolder(owner);
      await this.#removeLeftovers();
      await writePrivate(this.pathOf(fingerprint), armoured, { owner, mode: 0o600, replace: true });
      await writePrivate(this.#pointer, `${fingerprint}\n`, { owner, mode: 0o644, replace: mayReplace });
    } catch (error) {
      if (isErrno(error, "EEXIST")) throw taken(this.#named() ?? "");
      if (error instanceof HeadwaterError) throw error;
      throw unusable(`Cannot write a key into ${this.path}: ${messageOf(error)}.`, error);
    }
  }

  async #makeFolder(owner: KeyOwner | undefined): Promise<void> {
    const made = await mkdir(this.path, { mode: 0o700 }).then(
      () => true,
      (error: unknown) => {
        if (isErrno(error, "EEXIST")) return false;
        throw error;
      },
    );
    if (made && owner !== undefined) await chown(this.path, owner.uid, owner.gid);
    await chmod(this.path, 0o700);
    await syncFolder(dirname(this.path));
  }

  /** Secrets that a killed writer left without a name. */
  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.path)) {
      const path = join(this.path, name);
      if (name.endsWith(".new") && Date.now() - (await stat(path)).mtimeMs > LEFTOVER_MS)
        await rm(path, { force: true });
    }
  }
}

/** A file that is never seen half written. Throws EEXIST when there is one that may not be replaced. */
async function writePrivate(
  path: string,
  text: string,
  options: { readonly mode: number; readonly replace: boolean; readonly owner?: KeyOwner | undefined },
): Promise<void> {
  const { mode, replace, owner } = options;
  const temporary = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.chmod(mode);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await (replace ? rename(temporary, path) : link(temporary, path));
    await syncFolder(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function taken(fingerprint: string): HeadwaterError {
  return new HeadwaterError("NAME_TAKEN", `There is a signing key already: ${fingerprint}.`, {
    hint: "With --replace another one is used from now on, and whoever checks signatures needs its public key; the old one's file stays.",
    details: { fingerprint },
  });
}

function unusable(message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("KEY_UNUSABLE", message, {
    hint: "`headwater key import` puts a key in place; --no-sign publishes without signatures.",
    cause,
  });
}
