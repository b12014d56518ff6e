import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { z } from "zod";
import { HeadwaterError } from "../../error.ts";
import type { DaemonConnection } from "./connection.ts";
import { type DaemonImage, daemonImageSchema, temporaryOwner } from "./daemon-image.ts";
import { refused, wrong } from "./failures.ts";

const serverSchema = z.looseObject({
  auth: z.string().catch("untrusted"),
  api_extensions: z.array(z.string()).nullish(),
  environment: z.looseObject({ server: z.string().optional(), server_name: z.string().optional() }).nullish(),
});

const operationSchema = z.looseObject({
  status_code: z.number(),
  err: z.string().catch(""),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});

export interface DaemonFacts {
  /** `incus` or `lxd`; undefined for a server that does not say so to strangers. */
  readonly family: string | undefined;
  /** What the daemon calls its machine; the host of its address where it does not say. */
  readonly server: string;
  /** By which it is known again, whatever it calls itself. */
  readonly source: string;
  readonly isTrusted: boolean;
  readonly extensions: ReadonlySet<string>;
}

/** One Incus or LXD, and a project in it. */
export class Daemon {
  readonly connection: DaemonConnection;
  readonly facts: DaemonFacts;
  readonly #query: string;

  private constructor(connection: DaemonConnection, facts: DaemonFacts, project: string | undefined) {
    this.connection = connection;
    this.facts = facts;
    this.#query = project === undefined ? "" : `project=${encodeURIComponent(project)}`;
  }

  /** @param project of the daemon, where it is not the default one */
  static async open(connection: DaemonConnection, project?: string): Promise<Daemon> {
    const parsed = serverSchema.safeParse(await connection.get("/1.0"));
    if (!parsed.success) throw wrong(connection.place, "it answers, and not as an Incus or LXD does");
    const { auth, api_extensions: extensions, environment } = parsed.data;
    const { address } = connection;
    return new Daemon(
      connection,
      {
        family: environment?.server?.toLowerCase(),
        server:
          environment?.server_name ??
          (address.kind === "socket" ? hostname() : new URL(address.url).hostname),
        source: project === undefined ? connection.place : `${connection.place} ${project}`,
        isTrusted: auth === "trusted",
        extensions: new Set(extensions),
      },
      project,
    );
  }

  /** What a person would call it. */
  get place(): string {
    return this.connection.place;
  }

  /** Every image that this client may see. Those that were published only to be taken are left out. */
  async images(): Promise<DaemonImage[]> {
    const parsed = z.array(daemonImageSchema).safeParse(await this.get("/1.0/images", "recursion=1"));
    if (!parsed.success)
      throw wrong(this.place, `its list of images cannot be read: ${firstIssue(parsed.error)}`);
    return parsed.data.flatMap((image) => {
      const aliases = image.aliases.filter((alias) => temporaryOwner(alias) === undefined);
      const isTemporary = aliases.length === 0 && image.aliases.length > 0;
      return isTemporary ? [] : [{ ...image, aliases }];
    });
  }

  /** One image by its whole fingerprint, or by enough of its beginning. */
  async image(fingerprint: string): Promise<DaemonImage> {
    const parsed = daemonImageSchema.safeParse(
      await this.get(`/1.0/images/${encodeURIComponent(fingerprint)}`),
    );
    if (parsed.success && parsed.data.fingerprint.startsWith(fingerprint)) return parsed.data;
    if (parsed.success)
      throw wrong(this.place, `asked for ${fingerprint}, it tells of ${parsed.data.fingerprint}`);
    throw wrong(this.place, `what it says about ${fingerprint} cannot be read: ${firstIssue(parsed.error)}`);
  }

  /** The image that an alias names; undefined when there is no such alias. Works for strangers too, where lists are hidden. */
  async byAlias(alias: string): Promise<DaemonImage | undefined> {
    try {
      const found = await this.get(`/1.0/images/aliases/${encodeURIComponent(alias)}`);
      const target = z.looseObject({ target: z.string().regex(/^[0-9a-f]{64}$/) }).safeParse(found);
      if (!target.success) throw wrong(this.place, `its alias "${alias}" names no image`);
      return await this.image(target.data.target);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** The files of an image, as a form or as one file. */
  export(fingerprint: string, signal?: AbortSignal): Promise<IncomingMessage> {
    return this.connection.open(this.#path(`/1.0/images/${fingerprint}/export`), { signal });
  }

  get(path: string, query = "", signal?: AbortSignal): Promise<unknown> {
    return this.connection.get(this.#path(path, query), { signal });
  }

  /** Starts something and waits until it is done. Returns what the operation tells. @throws DAEMON_REFUSED */
  async run(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const { operation = "", metadata } = await this.connection.ask(method, this.#path(path), {
      body,
      signal,
    });
    if (operation === "") return {};
    const done = await this.connection
      .ask("GET", `${operation}/wait?timeout=-1`, {
        signal,
        // Packing a large instance takes as long as it takes.
        patienceMs: 24 * 60 * 60 * 1000,
      })
      .catch(async (error: unknown) => {
        if (signal?.aborted === true) await this.#cancel(operation);
        throw error;
      });
    const parsed = operationSchema.safeParse(done.metadata ?? metadata);
    if (!parsed.success) throw wrong(this.place, "the end of an operation cannot be read");
    const { status_code: status, err } = parsed.data;
    if (status !== 200) throw refused(this.place, status, err === "" ? "an operation failed" : err);
    return parsed.data.metadata ?? {};
  }

  /** Nobody waits for it any more. Not every operation can be cancelled. */
  async #cancel(operation: string): Promise<void> {
    await this.connection
      .ask("DELETE", operation, { signal: AbortSignal.timeout(5000) })
      .catch(() => undefined);
  }

  /** Path with the project in its query, for the event stream too. */
  eventsPath(): string {
    return this.#path("/1.0/events", "type=lifecycle");
  }

  close(): void {
    this.connection.close();
  }

  #path(path: string, query = ""): string {
    const all = [query, this.#query].filter((part) => part !== "").join("&");
    return all === "" ? path : `${path}?${all}`;
  }
}

export function isNotFound(error: unknown): boolean {
  return (
    error instanceof HeadwaterError && error.code === "DAEMON_REFUSED" && error.details["status"] === 404
  );
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
}
