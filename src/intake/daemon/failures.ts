import { readFileSync, statSync } from "node:fs";
import { HeadwaterError } from "../../error.ts";

/** Nobody answers, or not in a way that is HTTP. `place` is what a person would call the daemon. */
export function unreachable(place: string, cause: unknown, socketPath?: string): HeadwaterError {
  const code = codeOf(cause);
  if (socketPath !== undefined && (code === "EACCES" || code === "EPERM"))
    return mayNotOpen(place, socketPath, cause);
  const text =
    REASONS.get(code) ?? (code === "" ? "the connection failed" : `the connection failed (${code})`);
  return new HeadwaterError("DAEMON_UNREACHABLE", `${place}: ${text}`, {
    hint:
      socketPath === undefined
        ? "Check the address, and that core.https_address is set on that machine."
        : "Check that the daemon runs: systemctl status incus lxd, or snap services lxd.",
    details: { daemon: place, reason: code },
    cause,
  });
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such socket"],
  ["ECONNREFUSED", "nothing listens there"],
  ["ECONNRESET", "the connection was cut"],
  ["EPIPE", "the connection was cut"],
  ["ENOTFOUND", "there is no such host"],
  ["EAI_AGAIN", "the name server does not answer"],
  ["ETIMEDOUT", "no answer in time"],
  ["EHOSTUNREACH", "the host cannot be reached"],
  ["ENETUNREACH", "the network cannot be reached"],
  ["EPROTO", "it does not speak TLS there"],
]);

/** Both daemons let a group use their socket; which one differs between packages. */
function mayNotOpen(place: string, socketPath: string, cause: unknown): HeadwaterError {
  const group = groupOf(socketPath);
  return new HeadwaterError(
    "DAEMON_UNREACHABLE",
    `${place}: this user may not open ${socketPath}${group === undefined ? "" : `, which is for members of the group ${group}`}`,
    {
      hint:
        group === undefined
          ? "Run this command as root."
          : `sudo usermod --append --groups ${group} "$USER", then log in again; or run this command as root.`,
      details: { daemon: place, socket: socketPath, ...(group === undefined ? {} : { group }) },
      cause,
    },
  );
}

/** The name of the group of a file; undefined where that is root's, or cannot be told. */
export function groupOf(path: string, groups = "/etc/group"): string | undefined {
  try {
    const { gid } = statSync(path);
    if (gid === 0) return undefined;
    const line = readFileSync(groups, "utf8")
      .split("\n")
      .find((entry) => entry.split(":")[2] === String(gid));
    return line?.split(":")[0] ?? String(gid);
  } catch {
    // In a folder that may not be looked into: the message does without.
    return undefined;
  }
}

/** The daemon answered with an error of its own. */
export function refused(place: string, status: number, what: string): HeadwaterError {
  const hint =
    status === 401 || status === 403
      ? "This daemon does not trust this client: give it a trust token with --token, or a certificate with --cert and --key."
      : "The daemon's own log says more.";
  return new HeadwaterError("DAEMON_REFUSED", `${place}: ${what}`, {
    hint,
    details: { daemon: place, status },
  });
}

/** An answer that cannot be true, or that broke off. */
export function wrong(place: string, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("DAEMON_WRONG", `${place}: ${what}`, {
    hint: "Try again; when it stays so, look at the image there with incus image info or lxc image info.",
    details: { daemon: place },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What Node or OpenSSL call an error. */
export function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
