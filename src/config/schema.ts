import { z } from "zod";
import { parseByteSize } from "./byte-size.ts";
import { parseDuration } from "./duration.ts";
import { parseListenAddress } from "./listen-address.ts";
import { parsedBy } from "./parsed-by.ts";
import { retentionSchema } from "./retention-schema.ts";
import { isStreamName } from "../views/stream-name.ts";
import { signingSchema } from "./signing-schema.ts";
import { upstreamSchema } from "./upstream-schema.ts";

/** `headwater.yaml` as it is read, with the defaults filled in. Unknown keys are refused: they are misspelled ones. */
export const configSchema = z.strictObject({
  listen: z
    .array(parsedBy(parseListenAddress))
    .min(1)
    .default(() => [parseListenAddress(":8443")]),
  url: z.string().transform(parsedUrl).optional(),
  plain: z.enum(["upstream", "all", "off"]).default("upstream"),
  workers: z.int().min(1).max(64).default(1),
  grace: parsedBy(parseDuration).default(parseDuration("24h")),
  names: z.array(z.string().min(1)).default([]),
  certificate: z.strictObject({ file: z.string().min(1), key: z.string().min(1) }).optional(),
  lxc: z.union([z.boolean(), z.array(z.string().min(1))]).default(false),
  bundles: z.strictObject({ keyring: z.string().min(1) }).optional(),
  metrics: z.union([z.literal("off"), parsedBy(parseListenAddress)]).default("off"),
  retention: retentionSchema.optional(),
  signing: signingSchema.default({}),
  deltas: z.boolean().default(false),
  deltaMaxSize: parsedBy(parseByteSize).default(parseByteSize("1GiB")),
  upstreams: z
    .record(
      z
        .string()
        .refine(isStreamName, "expected lower-case letters, digits and -, and no name that URLs need"),
      upstreamSchema,
    )
    .default({}),
});

/** The configuration of a store and its server. */
export type Config = Readonly<z.infer<typeof configSchema>>;

/** What a setting means, for the file, the environment and the documentation. */
export interface Setting {
  readonly key: string;
  /** Undefined for settings that only the file can hold. */
  readonly variable?: string;
  readonly isList?: boolean;
  /** `true` or `false`. */
  readonly isSwitch?: boolean;
}

/** Every setting with its name in the environment; lists are separated by commas there. */
export const SETTINGS: readonly Setting[] = [
  { key: "listen", variable: "HEADWATER_LISTEN", isList: true },
  { key: "url", variable: "HEADWATER_URL" },
  { key: "plain", variable: "HEADWATER_PLAIN" },
  { key: "workers", variable: "HEADWATER_WORKERS" },
  { key: "grace", variable: "HEADWATER_GRACE" },
  { key: "names", variable: "HEADWATER_NAMES", isList: true },
  { key: "certificate.file", variable: "HEADWATER_CERTIFICATE_FILE" },
  { key: "certificate.key", variable: "HEADWATER_CERTIFICATE_KEY" },
  { key: "lxc", variable: "HEADWATER_LXC", isSwitch: true, isList: true },
  { key: "bundles.keyring", variable: "HEADWATER_BUNDLES_KEYRING" },
  { key: "metrics", variable: "HEADWATER_METRICS" },
  { key: "retention" },
  { key: "signing.gpg", variable: "HEADWATER_SIGNING_GPG" },
  { key: "signing.gpgHome", variable: "HEADWATER_SIGNING_GPG_HOME" },
  { key: "signing.passphraseFile", variable: "HEADWATER_SIGNING_PASSPHRASE_FILE" },
  { key: "deltas", variable: "HEADWATER_DELTAS", isSwitch: true },
  { key: "deltaMaxSize", variable: "HEADWATER_DELTA_MAX_SIZE" },
  { key: "upstreams" },
];

/** The address clients use: https, a host, perhaps a port and a path; no password, which would be printed and copied. */
function parsedUrl(text: string, context: z.RefinementCtx): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url?.protocol === "https:" &&
    url.username === "" &&
    url.password === "" &&
    url.search === "" &&
    url.hash === ""
  ) {
    return url.href.replace(/\/$/, "");
  }
  context.addIssue({
    code: "custom",
    message: `expected an address such as https://images.example:8443, got "${text}"`,
  });
  return z.NEVER;
}
