import { X509Certificate } from "node:crypto";

/** What a person types on a client machine, for one kind of client. */
export interface ClientInstructions {
  /** `incus`, `lxd` (Debian or rpm package), `lxd-snap`. */
  readonly client: ClientKind;
  /** For a heading. */
  readonly title: string;
  /** Where this client looks for the certificate of the remote; undefined when none is needed. */
  readonly certificateFile: string | undefined;
  /** Shell lines, ready to paste. */
  readonly commands: string;
}

export type ClientKind = "incus" | "lxd" | "lxd-snap";

export interface ClientInstructionsOptions {
  /** The address clients use, with a host name that stays, such as `https://images.example:8443`. */
  readonly url: string;
  /** The certificate to trust, PEM. Undefined when clients trust it already (an own `certificate` from a public CA). */
  readonly certificate: string | undefined;
  /** The name of the remote on the client. */
  readonly remote?: string;
  /** An alias to launch in the example. */
  readonly alias?: string;
}

/** The name printed for the remote: short, and the same wherever instructions are printed. */
export const REMOTE_NAME = "hw";

/** The name printed for a remote that stays at one generation. */
export const FROZEN_REMOTE_NAME = "frozen";

/**
 * The certificate goes to `servercerts/<remote>.crt` of the command-line client, which hands it to its daemon:
 * Incus shared/cliconfig/remote.go and LXD lxc/config/remote.go read that file for simplestreams remotes, while
 * `remote add` itself neither contacts the server nor asks. The snap of LXD has its own home for configuration.
 */
const CLIENTS: readonly {
  readonly client: ClientKind;
  readonly title: string;
  readonly program: string;
  readonly folder: string;
}[] = [
  { client: "incus", title: "Incus", program: "incus", folder: "~/.config/incus/servercerts" },
  {
    client: "lxd",
    title: "LXD, from a deb or rpm package",
    program: "lxc",
    folder: "~/.config/lxc/servercerts",
  },
  {
    client: "lxd-snap",
    title: "LXD, from the snap",
    program: "lxc",
    folder: "~/snap/lxd/common/config/servercerts",
  },
];

/** What to type on each kind of client so that it trusts this server, knows it as a remote, and lists its images. */
export function clientInstructions(options: ClientInstructionsOptions): ClientInstructions[] {
  const remote = options.remote ?? REMOTE_NAME;
  return CLIENTS.map(({ client, title, program, folder }) => {
    const certificateFile = options.certificate === undefined ? undefined : `${folder}/${remote}.crt`;
    const lines = [
      ...(options.certificate === undefined ? [] : trustLines(folder, remote, options.certificate)),
      `${program} remote add ${remote} ${shellWord(options.url)} --protocol simplestreams`,
      `${program} image list ${remote}:`,
      ...(options.alias === undefined
        ? []
        : [`${program} launch ${shellWord(`${remote}:${options.alias}`)} first`]),
    ];
    return { client, title, certificateFile, commands: `${lines.join("\n")}\n` };
  });
}

/** The same as one text for a terminal, after the shorter way, the image API, where the client itself asks about the certificate. */
export function clientInstructionsText(options: ClientInstructionsOptions): string {
  const simplestreams = clientInstructions(options).map(
    ({ title, commands }) => `# Over simplestreams, on a client with ${title}:\n${commands}`,
  );
  return [...publicInstructions(options), ...simplestreams].join("\n");
}

/** One block for each command line. None where the server is below a path, which both drop (cmd/incus/remote.go, lxc/remote.go). */
function publicInstructions({
  url,
  certificate,
  alias,
  remote = REMOTE_NAME,
}: ClientInstructionsOptions): string[] {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (pathname !== "/") return [];
  // Both take port 8443 where none is written.
  const address = `${protocol}//${hostname}:${port === "" ? "443" : port}`;
  // The client asks whether this is the server's certificate, and takes its fingerprint for an answer.
  const answer = certificate === undefined ? "" : ` <<'EOF'\n${fingerprintOf(certificate)}\nEOF`;
  return [
    { title: "Incus", program: "incus" },
    { title: "LXD", program: "lxc" },
  ].map(({ title, program }) => {
    const lines = [
      `# On a client with ${title}:`,
      `${program} remote add ${remote} ${shellWord(address)} --public${answer}`,
      `${program} image list ${remote}:`,
      ...(alias === undefined ? [] : [`${program} launch ${shellWord(`${remote}:${alias}`)} first`]),
    ];
    return `${lines.join("\n")}\n`;
  });
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
}

function trustLines(folder: string, remote: string, certificate: string): string[] {
  return [
    `mkdir -p ${folder}`,
    `cat > ${folder}/${remote}.crt <<'EOF'`,
    ...certificate.trim().split("\n"),
    "EOF",
  ];
}

/** A word as a POSIX shell takes it: aliases come from images and may hold anything. */
function shellWord(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
