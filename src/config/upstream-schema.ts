import { z } from "zod";
import { parseByteSize } from "./byte-size.ts";
import { parseDuration } from "./duration.ts";
import { parsedBy } from "./parsed-by.ts";
import { PRESETS } from "./presets.ts";

const HOUR_MS = 60 * 60 * 1000;

/** One upstream as `headwater.yaml` has it, with its defaults. */
export const upstreamSchema = z
  .strictObject({
    url: z.string().transform(parsedUpstreamUrl).optional(),
    preset: z.enum([...PRESETS.keys()]).optional(),
    mode: z.enum(["mirror", "cache"]).default("cache"),
    select: z.string().min(1).optional(),
    keep: z.int().min(1).max(10_000).optional(),
    keepDropped: parsedBy(parseDuration).optional(),
    aliasPrefix: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, "expected a beginning of aliases such as daily/")
      .default(""),
    twins: z.boolean().optional(),
    lxc: z.boolean().default(false),
    offline: z.boolean().default(false),
    every: parsedBy(parseDuration).optional(),
    signatures: z.enum(["required", "preferred", "off"]).optional(),
    keyring: z.string().min(1).optional(),
    ca: z.string().min(1).optional(),
    credentials: z
      .string()
      .regex(/^[^:]+:/, "expected user:password")
      .optional(),
    alternates: z.array(z.string().transform(parsedUpstreamUrl)).default([]),
    allowRedirect: z.array(z.string().min(1)).default([]),
    bandwidth: parsedBy(parseByteSize).optional(),
    parallel: z.int().min(1).max(64).default(4),
    maxSize: parsedBy(parseByteSize).optional(),
    believeOlderAfter: parsedBy(parseDuration).default(6 * HOUR_MS),
  })
  .check((context) => {
    const { url, preset, signatures, keyring, lxc, mode } = context.value;
    const wrong = (message: string): void => {
      context.issues.push({ code: "custom", input: context.value, path: [], message });
    };
    if ((url === undefined) === (preset === undefined)) wrong("expected either a url or a preset");
    if (lxc && mode !== "mirror") {
      wrong(
        "lxc: true needs mode: mirror, since files for LXC are made of what is here, and a cache has little",
      );
    }
    if (signatures !== undefined && signatures !== "off" && keyring === undefined) {
      wrong(`signatures: ${signatures} needs a keyring`);
    }
  });

/** An upstream as it was configured. */
export type UpstreamSettings = Readonly<z.infer<typeof upstreamSchema>>;

/** Base URL without credentials: these have a setting of their own, that is never shown. */
export function parsedUpstreamUrl(text: string, context: z.RefinementCtx): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url?.hostname ?? "");
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLocal);
  if (url !== undefined && isSafe && `${url.username}${url.password}${url.search}${url.hash}` === "") {
    return url.href.replace(/\/$/, "");
  }
  context.addIssue({
    code: "custom",
    message: "expected an address such as https://images.example, without a password in it",
  });
  return z.NEVER;
}
