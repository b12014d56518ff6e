import type { NewMember } from "../../image/write-tar.ts";
import { kernelArchitecture } from "../../simplestreams/architectures.ts";
import type { Product } from "../../simplestreams/products.ts";
import { slug } from "../../simplestreams/slug.ts";
import { parseVersionName } from "../../simplestreams/version-name.ts";
import { buildName, LXC_1_0_DISTRIBUTIONS, lxcNamesOf } from "../../views/lxc-index.ts";
import type { RootFacts } from "./watch-tar.ts";

/** Files of a `meta.tar.xz`, by name (docs/lxc-index.md has what each is for). */
export type LxcParts = ReadonlyMap<string, string>;

export interface DescribedBuild {
  readonly fields: Product;
  readonly version: string;
  readonly facts: RootFacts;
  /** What the image's own metadata brings for LXC. */
  readonly brought: LxcParts;
}

/** Kernel names of machines of 32 bits; the others are `linux64` for `lxc.arch`, whatever they are called. */
const NARROW: ReadonlySet<string> = new Set(["i686", "armv6l", "armv7l", "armv8l", "ppc", "mips", "riscv32"]);

/** The members of a build's `meta.tar.xz`: what the image brings, and what is missing made up. The same build gives the same members. */
export function metadataMembers(build: DescribedBuild): NewMember[] {
  const { brought, version } = build;
  const parts = new Map<string, string>();
  for (const [name, text] of generated(build)) if (!isBrought(brought, name)) parts.set(name, text);
  for (const [name, text] of brought) if (isBrought(brought, name)) parts.set(name, text);
  const time = secondsOf(version);
  if (!parts.has("expiry")) parts.set("expiry", `${time}\n`);
  return [...parts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, text]) => ({ name, mode: 0o644, content: Buffer.from(text) }));
}

/** The last second that the header of a tar archive has digits for; the first is 0. */
const LAST_SECOND = 0o77777777777;

/** When a version was built, by its name: the time of everything that is made of it. A name may say any year. */
export function secondsOf(version: string): number {
  const seconds = Math.floor((parseVersionName(version)?.getTime() ?? 0) / 1000);
  return Math.min(Math.max(seconds, 0), LAST_SECOND);
}

/** A file with all its variants for modes and levels is the image's or ours, and no mixture. Without a plain `config` nothing can start. */
function isBrought(brought: LxcParts, name: string): boolean {
  const [, base = name] = /^([a-z-]+?)(?:-user|-system)?(?:\.\d)?$/.exec(name) ?? [];
  return base === "config"
    ? brought.has("config")
    : [...brought.keys()].some(
        (one) => one === base || one.startsWith(`${base}-`) || one.startsWith(`${base}.`),
      );
}

function generated({ fields, version, facts }: DescribedBuild): Map<string, string> {
  const parts = new Map<string, string>();
  const arch = `lxc.arch = ${NARROW.has(kernelArchitecture(fields.arch ?? "") ?? "") ? "linux32" : "linux64"}\n`;
  parts.set("config", `${include("common.conf")}${arch}`);
  parts.set("config-user", `${include("common.conf")}${include("userns.conf")}${arch}`);
  const distribution = slug(fields.os ?? "");
  if (LXC_1_0_DISTRIBUTIONS.has(distribution)) {
    const common = include(`${distribution}.common.conf`);
    parts.set("config.1", `${common}${arch}`);
    parts.set("config-user.1", `${common}${include(`${distribution}.userns.conf`)}${arch}`);
  }
  if (facts.devices.length > 0) parts.set("excludes-user", facts.devices.map(exclusion).join(""));
  if (facts.templates.length > 0)
    parts.set("templates", facts.templates.map((path) => `/${path}\n`).join(""));
  parts.set("create-message", createMessage(fields, version));
  return parts;
}

function include(file: string): string {
  return `lxc.include = LXC_TEMPLATE_CONFIG/${file}\n`;
}

/** Archives write `./dev/null` or `dev/null`, and tar compares the name as it is written. What a shell or tar would read as a sign is any character. */
function exclusion(path: string): string {
  const pattern = path.replaceAll(/[^\w./+:@-]/g, "?");
  return `./${pattern}\n${pattern}\n`;
}

function createMessage(fields: Product, version: string): string {
  const [os, release, arch] = lxcNamesOf(fields);
  return `You just created a container of ${os} ${release} ${arch}, build ${buildName(version)}.

Start it, and get a shell in it:
  lxc-start --name NAME
  lxc-attach --name NAME

Users, passwords and services are those of the image.
`;
}
