import { z } from "zod";
import type { InstanceType } from "../../simplestreams/ftypes.ts";

/** An image as a daemon describes it, both projects (shared/api/image.go). */
export interface DaemonImage {
  readonly fingerprint: string;
  readonly type: InstanceType;
  /** Kernel name. */
  readonly architecture: string;
  readonly aliases: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly isPublic: boolean;
  /** Downloaded by the daemon for an instance, and its own to throw away. */
  readonly isCached: boolean;
  /** RFC 3339, as the daemon writes it. */
  readonly createdAt: string;
  readonly uploadedAt: string;
  readonly expiresAt: string;
  /** Bytes. */
  readonly size: number;
  /** The server that the daemon has it from, and its name there. */
  readonly upstream: ImageUpstream | undefined;
}

export interface ImageUpstream {
  readonly server: string;
  readonly alias: string;
}

const text = z.string().catch("");

/** Lists may be null where Go has a nil slice. */
export const daemonImageSchema = z
  .looseObject({
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
    type: z.string().optional(),
    architecture: z.string(),
    aliases: z.array(z.looseObject({ name: z.string() })).nullish(),
    properties: z.record(z.string(), z.string()).nullish(),
    public: z.boolean().optional(),
    cached: z.boolean().optional(),
    created_at: text,
    uploaded_at: text,
    expires_at: text,
    size: z.number().int().nonnegative().catch(0),
    update_source: z.looseObject({ server: text, alias: text }).nullish(),
  })
  .transform((image): DaemonImage => {
    const { server, alias } = image.update_source ?? { server: "", alias: "" };
    return {
      fingerprint: image.fingerprint,
      type: image.type === "virtual-machine" ? "virtual-machine" : "container",
      architecture: image.architecture,
      aliases: (image.aliases ?? []).map(({ name }) => name).toSorted(),
      properties: image.properties ?? {},
      isPublic: image.public === true,
      isCached: image.cached === true,
      createdAt: image.created_at,
      uploadedAt: image.uploaded_at,
      expiresAt: image.expires_at,
      size: image.size,
      upstream: server === "" ? undefined : { server, alias },
    };
  });

/**
 * The mark of what was published on a daemon only to be taken from it: an alias, since properties would become part of the image and of
 * everything that is made from it. It says whose it is.
 */
export function temporaryAlias({ host, pid, random }: Record<"host" | "pid" | "random", string>): string {
  return `headwater-tmp-${host.replace(/[^A-Za-z0-9.-]/g, "-")}-${pid}-${random}`;
}

/** Whose mark this is; undefined for any other alias. */
export function temporaryOwner(alias: string): { readonly host: string; readonly pid: number } | undefined {
  const [, host, pid] = /^headwater-tmp-(.+)-(\d{1,10})-[0-9a-f]{8}$/.exec(alias) ?? [];
  return host === undefined ? undefined : { host, pid: Number(pid) };
}
