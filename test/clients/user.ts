import { mkdir, mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { inject } from "vitest";
import { type Daemons, type Family, daemonEnvironment } from "./daemons.ts";
import { type Outcome, attempt, run } from "./program.ts";

/** One image as `image list --format json` prints it. */
export interface PrintedImage {
  readonly fingerprint: string;
  readonly aliases: readonly { readonly name: string; readonly description: string }[] | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly type: string;
  readonly size: number;
  readonly filename: string;
  readonly architecture: string;
  readonly created_at: string;
  readonly uploaded_at: string;
  readonly expires_at: string;
  readonly [key: string]: unknown;
}

const PROGRAM = { incus: "incus", lxd: "lxc" } as const;

/** Where each command line looks for the certificate of a remote (see `client-instructions.ts` for the sources). */
const CONFIG = { incus: ".config/incus", lxd: ".config/lxc" } as const;

export const FAMILIES: readonly Family[] = ["incus", "lxd"];

/** The daemons of this run. Files call it inside `describe.skipIf(inject("daemons") === undefined)`. */
export function daemons(): Daemons {
  const given = inject("daemons");
  if (given === undefined) throw new Error("the daemons are not running");
  return given;
}

/**
 * Somebody with one of the two command lines and an empty home: no remote, no certificate and no cache from another test.
 */
export class User {
  readonly family: Family;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(family: Family, home: string, env: Readonly<Record<string, string>>) {
    this.family = family;
    this.home = home;
    this.env = env;
  }

  static async create(family: Family): Promise<User> {
    const home = await mkdtemp(join(daemons().folder, `home-${family}-`));
    return new User(family, home, { HOME: home, ...daemonEnvironment(daemons()) });
  }

  /** The same person on a system that trusts this CA (a PEM file), and no other. */
  trusting(authority: string): User {
    return new User(this.family, this.home, { ...this.env, SSL_CERT_FILE: authority });
  }

  /** Knows and trusts a server, the way the README says: the certificate in `servercerts`, then `remote add`. */
  async addRemote(remote: string, url: string, pem: string): Promise<void> {
    const folder = join(this.home, CONFIG[this.family], "servercerts");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${remote}.crt`), pem);
    await this.run("remote", "add", remote, url, "--protocol", "simplestreams");
  }

  /** The files that `remote add` leaves of the one remote, without calling it: for those who list hundreds of servers. */
  async writeRemote(remote: string, addr: string, pem: string): Promise<void> {
    const folder = join(this.home, CONFIG[this.family]);
    await mkdir(join(folder, "servercerts"), { recursive: true });
    await writeFile(join(folder, "servercerts", `${remote}.crt`), pem);
    const remotes = { [remote]: { addr, protocol: "simplestreams", public: true } };
    // JSON is YAML.
    await writeFile(join(folder, "config.yml"), JSON.stringify({ remotes }));
  }

  run(...args: readonly string[]): Promise<string> {
    return run(PROGRAM[this.family], args, { env: this.env });
  }

  attempt(...args: readonly string[]): Promise<Outcome> {
    return attempt(PROGRAM[this.family], args, { env: this.env });
  }

  /** The same, with what a person types when asked. */
  answering(input: string, ...args: readonly string[]): Promise<Outcome> {
    return attempt(PROGRAM[this.family], args, { env: this.env, input });
  }

  /** Adds a server of the image API and says yes to its certificate. Returns what was asked. */
  async addPublic(remote: string, url: string): Promise<string> {
    const { status, stdout, stderr } = await this.answering("y\n", "remote", "add", remote, url, "--public");
    if (status !== 0) throw new Error(`remote add --public ended with ${status}:\n${stderr}${stdout}`);
    return stdout;
  }

  /** Lines for a shell, as a person would paste them. */
  paste(lines: string): Promise<string> {
    return run("sh", ["-eu"], { env: this.env, input: lines });
  }

  async list(remote: string, ...filters: readonly string[]): Promise<PrintedImage[]> {
    const text = await this.run("image", "list", `${remote}:`, ...filters, "--format", "json");
    return JSON.parse(text) as PrintedImage[];
  }

  /** The images this user's own daemon holds. */
  async localImages(): Promise<PrintedImage[]> {
    return JSON.parse(await this.run("image", "list", "--format", "json")) as PrintedImage[];
  }

  /** Makes a container from an image of a remote, or of the daemon's own, and starts it. */
  async launch(image: string, name: string): Promise<void> {
    await this.run("launch", image, name);
  }

  /**
   * What a program inside prints; it has to print something, and to be one that can run again. Under load `exec` of both
   * clients now and then ends well and passes on nothing (canonical/lxd issue 11422, lxc/lxc issue 4282; here 9 of 400
   * times with three busy loops beside it): what was not passed on is asked for again.
   */
  async exec(name: string, ...command: readonly string[]): Promise<string> {
    for (let times = 1; ; times++) {
      const output = await this.run("exec", name, "--", ...command);
      if (output !== "" || times === 5) return output;
    }
  }

  /** Fingerprint of the image an instance was made from, as its daemon recorded it. */
  async baseImage(name: string): Promise<string> {
    return (await this.run("config", "get", name, "volatile.base_image")).trim();
  }

  /** The files that `image export` leaves, by name, with their SHA-256. */
  async export(image: string, ...flags: readonly string[]): Promise<ExportedFile[]> {
    const folder = await mkdtemp(join(this.home, "export-"));
    await this.run("image", "export", image, `${folder}/`, ...flags);
    const names = (await readdir(folder)).sort();
    return Promise.all(
      names.map(async (name) => {
        const bytes = await readFile(join(folder, name));
        return { name, bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
      }),
    );
  }
}

export interface ExportedFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** One user of each client who knows and trusts this server as `hw`. */
export function usersKnowing(url: string, pem: string): Promise<User[]> {
  return Promise.all(
    FAMILIES.map(async (family) => {
      const user = await User.create(family);
      await user.addRemote("hw", url, pem);
      return user;
    }),
  );
}
