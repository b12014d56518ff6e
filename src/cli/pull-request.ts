import { HeadwaterError } from "../error.ts";
import { type DaemonReference, parseDaemonReference } from "../intake/daemon/address.ts";
import type { ImageSelection } from "../intake/daemon/choose-images.ts";
import type { BuildWishes } from "../intake/files/name-build.ts";
import { type NamingFlags, wishesOf } from "./naming-options.ts";

/** What `headwater pull` was given. */
export interface PullFlags extends NamingFlags {
  readonly all?: boolean;
  readonly cached?: boolean;
  readonly publicOnly?: boolean;
  readonly instance?: readonly string[];
  readonly follow?: boolean;
  readonly project?: string;
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly acceptCertificate?: boolean;
  readonly dryRun?: boolean;
}

export interface PullRequest {
  /** Undefined: those of this machine. */
  readonly reference: DaemonReference | undefined;
  readonly selection: ImageSelection;
  readonly instances: readonly string[];
  readonly wishes: BuildWishes;
  readonly follow: boolean;
  readonly dryRun: boolean;
  /** Nothing was named: show what there is, and ask. */
  readonly asks: boolean;
}

/** Makes sense of the command line, or says what does not go together. Throws USAGE. */
export function pullRequest(
  daemon: string | undefined,
  words: readonly string[],
  flags: PullFlags,
): PullRequest {
  const { all = false, cached = false, publicOnly = false, instance: instances = [], follow = false } = flags;
  const wishes = wishesOf(flags);
  const isNaming = Object.values(wishes).some((wish) => !Array.isArray(wish) || wish.length > 0);
  if (isNaming && (all || follow || words.length + instances.length > 1)) {
    throw usage(
      "options that name an image are for one image",
      "Take it alone: headwater pull DAEMON IMAGE --alias NAME.",
    );
  }
  if (all && words.length > 0)
    throw usage("--all takes every image already", "Leave out --all, or the names.");
  if (cached && !all)
    throw usage("--cached belongs to --all", "An image that is named is taken whether it was cached or not.");
  if (instances.length > 0 && (follow || all || words.length > 0)) {
    throw usage("--instance is taken once, and alone", "Take images and instances with a command each.");
  }
  if ((flags.cert === undefined) !== (flags.key === undefined)) {
    throw usage("--cert and --key belong together", "Give both, or a --token.");
  }
  const asks = !all && words.length === 0 && instances.length === 0 && !follow;
  return {
    reference: daemon === undefined ? undefined : parseDaemonReference(daemon),
    selection: { words, all: all || (follow && words.length === 0), publicOnly, cached },
    instances,
    wishes,
    follow,
    dryRun: flags.dryRun === true,
    asks,
  };
}

function usage(message: string, hint: string): HeadwaterError {
  return new HeadwaterError("USAGE", message, { hint });
}
