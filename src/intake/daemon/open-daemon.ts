import { HeadwaterError } from "../../error.ts";
import type { DaemonReference, HttpsAddress } from "./address.ts";
import { DaemonConnection } from "./connection.ts";
import { Daemon } from "./daemon.ts";
import { localDaemon } from "./local-daemons.ts";
import { makeClientIdentity, RemoteIdentity } from "./remote-identity.ts";
import { type ClientIdentity, Credentials, parseTrustToken, shownCertificate } from "./trust.ts";

export interface OpenDaemonOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** Where what is known of remote daemons is kept. */
  readonly identities: string;
  /** Of the daemon; left out: its default one. */
  readonly project?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of every file that was written for the daemon. */
  readonly onWritten?: (path: string) => void;
  /** A certificate that the daemon trusts. */
  readonly identity?: ClientIdentity | undefined;
  /** By which the daemon comes to trust a certificate that is made here. */
  readonly token?: string | undefined;
  /** Take whatever certificate the daemon shows, and no other one from then on. */
  readonly acceptCertificate?: boolean;
  /** Asks a person whether this is the daemon's certificate. Left out: nobody is there to be asked. */
  readonly confirm?: ((place: string, fingerprint: string) => Promise<boolean>) | undefined;
}

/**
 * Connects to a daemon, and makes it trusted on both sides where that is to be.
 * @throws DAEMON_UNREACHABLE, DAEMON_UNTRUSTED, DAEMON_REFUSED (a token that is not taken), DAEMON_WRONG, USAGE
 */
export async function openDaemon(reference: DaemonReference, options: OpenDaemonOptions): Promise<Daemon> {
  if (reference.kind === "https") return openRemote(reference, options);
  if (options.token !== undefined || options.identity !== undefined) {
    throw new HeadwaterError("USAGE", "tokens and certificates are for daemons at https addresses", {
      hint: "Leave out --token, --cert and --key: a local daemon knows this user by the rights to its socket.",
    });
  }
  const address = reference.kind === "local" ? await localDaemon(reference.family, options.env) : reference;
  const { userAgent, signal } = options;
  return opened(new DaemonConnection({ address, userAgent, signal }), options.project);
}

async function openRemote(address: HttpsAddress, options: OpenDaemonOptions): Promise<Daemon> {
  const kept = new RemoteIdentity(options.identities, address, options.onWritten);
  const pinned = await pinnedCertificate(address, kept, options);
  const identity = options.identity ?? (await kept.client());
  const connect = (as: ClientIdentity | undefined): DaemonConnection =>
    new DaemonConnection({
      address,
      userAgent: options.userAgent,
      signal: options.signal,
      credentials: new Credentials({ pinned, identity: as }),
    });
  const daemon = await opened(connect(identity), options.project);
  if (options.token === undefined || daemon.facts.isTrusted) return daemon;
  const made = identity ?? (await makeClientIdentity());
  daemon.close();
  // Before the token is spent: it is for one use, and the key is what it buys.
  if (identity === undefined) await kept.keepClient(made);
  const joining = await opened(connect(made), options.project);
  try {
    await redeem(joining, options.token);
  } finally {
    joining.close();
  }
  return opened(connect(made), options.project);
}

async function opened(connection: DaemonConnection, project: string | undefined): Promise<Daemon> {
  try {
    return await Daemon.open(connection, project);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** PEM of the one certificate to believe; undefined when the usual authorities signed it. */
async function pinnedCertificate(
  address: HttpsAddress,
  kept: RemoteIdentity,
  { token, acceptCertificate = false, confirm, signal }: OpenDaemonOptions,
): Promise<string | undefined> {
  const known = await kept.pinned();
  if (known !== undefined && !acceptCertificate && token === undefined) return known;
  const shown = await shownCertificate(address, signal);
  if (token !== undefined) {
    if (parseTrustToken(token).fingerprint !== shown.fingerprint) {
      throw untrusted(address, shown.fingerprint, "it is not the server that this token is from");
    }
  } else if (!acceptCertificate) {
    if (shown.isTrusted) return undefined;
    if ((await confirm?.(address.url, shown.fingerprint)) !== true) {
      throw untrusted(address, shown.fingerprint, "its certificate comes from nobody that is trusted here");
    }
  }
  await kept.pin(shown.pem);
  return shown.pem;
}

function untrusted({ url }: HttpsAddress, fingerprint: string, what: string): HeadwaterError {
  return new HeadwaterError("DAEMON_UNTRUSTED", `${url}: ${what}; its fingerprint is ${fingerprint}`, {
    hint: "Compare it with the certificate fingerprint that incus info or lxc info prints on that machine; when they agree, use --accept-certificate.",
    details: { daemon: url, fingerprint },
  });
}

/**
 * Incus and newer LXD (extension explicit_trust_token) have a field for tokens of its own, older LXD takes them for a password; a
 * stranger is not told which of them it talks to, and each passes over the field that it does not know.
 */
async function redeem(daemon: Daemon, token: string): Promise<void> {
  const { text, secret } = parseTrustToken(token);
  const isExplicit = daemon.facts.extensions.has("explicit_trust_token");
  const body = {
    type: "client",
    name: "headwater",
    trust_token: text,
    ...(isExplicit ? {} : { password: text }),
  };
  try {
    await daemon.connection.ask("POST", "/1.0/certificates", { body });
  } catch (error) {
    if (!(error instanceof HeadwaterError) || error.code !== "DAEMON_REFUSED") throw error;
    // No server gets to print the token into somebody's journal.
    throw new HeadwaterError(
      "DAEMON_REFUSED",
      error.message.replaceAll(secret, "...").replaceAll(text, "..."),
      {
        hint: "The token may have been used or have run out: incus config trust add NAME (lxc config trust add --name NAME) makes a new one.",
        details: error.details,
      },
    );
  }
}
