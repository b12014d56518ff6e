import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { HeadwaterError } from "../error.ts";
import type { DaemonReference } from "../intake/daemon/address.ts";
import type { Daemon } from "../intake/daemon/daemon.ts";
import { findLocalDaemons } from "../intake/daemon/local-daemons.ts";
import { openDaemon } from "../intake/daemon/open-daemon.ts";
import type { Store } from "../store/store.ts";
import type { Io } from "./io.ts";
import { giveToOwnerOf } from "./owner.ts";
import type { PullFlags } from "./pull-request.ts";
import { version } from "./version.ts";

/** The daemons that are meant: the one that was named, or all of this machine. @throws DAEMON_UNREACHABLE when there is none */
export async function daemonsMeant(
  io: Io,
  reference: DaemonReference | undefined,
): Promise<DaemonReference[]> {
  if (reference !== undefined) return [reference];
  const found = await findLocalDaemons(io.env);
  if (found.length > 0) return found;
  throw new HeadwaterError("DAEMON_UNREACHABLE", "there is neither an Incus nor an LXD on this machine", {
    hint: "Name one of another machine: headwater pull https://HOST:8443.",
  });
}

/** Connects, with the certificates, the token and the answers of the person at the terminal. */
export async function connectTo(
  io: Io,
  reference: DaemonReference,
  { store, flags }: { readonly store: Store; readonly flags: PullFlags },
): Promise<Daemon> {
  const identities = join(store.name, "daemons");
  const { project, token, cert, key, acceptCertificate = false } = flags;
  const { ask } = io;
  const written: string[] = [];
  const opening = openDaemon(reference, {
    env: io.env,
    signal: io.signal,
    onWritten: (path) => written.push(path),
    userAgent: `Headwater/${version()}`,
    identities,
    project,
    token,
    acceptCertificate,
    identity:
      cert === undefined || key === undefined
        ? undefined
        : { certificate: await readText(io, cert), key: await readText(io, key) },
    confirm:
      ask === undefined
        ? undefined
        : async (place, fingerprint) =>
            /^y(?:es)?$/i.test(
              (
                await ask(`${place} has a certificate with the fingerprint\n  ${fingerprint}\nok (y/n)? `)
              ).trim(),
            ),
  });
  try {
    return await opening;
  } finally {
    // What root keeps in somebody's store is that somebody's, whose service has to read it.
    if (written.length > 0) await giveToOwnerOf(store.name, io, written);
  }
}

async function readText(io: Io, path: string): Promise<string> {
  const file = resolve(io.cwd, path);
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new HeadwaterError("FILE_UNREADABLE", `cannot read ${file}`, {
      hint: "Name a PEM file that this user may read.",
      cause,
    });
  }
}
