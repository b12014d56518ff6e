import { stat } from "node:fs/promises";
import { HeadwaterError } from "../../error.ts";
import type { Family } from "../../simplestreams/client-profile.ts";
import type { SocketAddress } from "./address.ts";

/** A daemon whose socket is on this machine; whether anybody answers there is another matter. */
export interface LocalDaemon extends SocketAddress {
  readonly family: Family;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the sockets are: as the command lines look for them (Incus client/connection.go, LXD client/connection.go: `..._SOCKET`, then
 * `..._DIR`, then the system's folders), and where the snap of LXD has its own.
 */
export function socketCandidates(family: Family, env: Environment): string[] {
  const variable = family.toUpperCase();
  const socket = env[`${variable}_SOCKET`];
  if (socket !== undefined && socket !== "") return [socket];
  const folder = env[`${variable}_DIR`];
  if (folder !== undefined && folder !== "") return [`${folder}/unix.socket`];
  return family === "incus"
    ? ["/run/incus/unix.socket", "/var/lib/incus/unix.socket"]
    : ["/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket"];
}

/** The sockets of this machine, Incus first, each family once. */
export async function findLocalDaemons(env: Environment): Promise<LocalDaemon[]> {
  const found: LocalDaemon[] = [];
  for (const family of ["incus", "lxd"] as const) {
    const daemon = await findLocal(family, env);
    if (daemon !== undefined) found.push(daemon);
  }
  return found;
}

/** The socket of one family. @throws DAEMON_UNREACHABLE naming the places that were looked at */
export async function localDaemon(family: Family, env: Environment): Promise<LocalDaemon> {
  const found = await findLocal(family, env);
  if (found !== undefined) return found;
  const name = family === "incus" ? "Incus" : "LXD";
  const places = socketCandidates(family, env);
  throw new HeadwaterError(
    "DAEMON_UNREACHABLE",
    `there is no ${name} on this machine: no socket at ${places.join(" or ")}`,
    {
      hint: `Start ${name}; or name its socket (unix:/path, or ${family.toUpperCase()}_DIR), or a remote daemon (https://HOST:8443).`,
      details: { daemon: family },
    },
  );
}

async function findLocal(family: Family, env: Environment): Promise<LocalDaemon | undefined> {
  for (const path of socketCandidates(family, env)) {
    if (await mayBeThere(path)) return { kind: "socket", family, path };
  }
  return undefined;
}

/** A folder that may not be looked into counts as one that has a socket: opening it then says what is in the way. */
async function mayBeThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isSocket();
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EACCES";
  }
}
