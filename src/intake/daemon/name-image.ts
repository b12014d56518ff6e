import type { ImageMetadata } from "../../image/metadata-yaml.ts";
import { isValidAlias, standardAliases } from "../../simplestreams/aliases.ts";
import { type ImageOrigin, isBorrowed } from "../../simplestreams/image-origin.ts";
import { quoted } from "../../simplestreams/printable.ts";
import { isExactDate } from "../../simplestreams/exact-date.ts";
import { versionDate } from "../../simplestreams/version-name.ts";
import { type BuildWishes, imageFields, type NamedBuild, nameBuild } from "../files/name-build.ts";
import type { Listing } from "../listing.ts";
import type { DaemonFacts } from "./daemon.ts";
import type { DaemonImage } from "./daemon-image.ts";

export interface NameOptions {
  readonly wishes: BuildWishes;
  readonly facts: DaemonFacts;
  readonly now: Date;
  /** What is listed already: an alias goes on naming the product that it names. */
  readonly listing: Listing;
}

/**
 * What an image of a daemon is called here. Its properties say it; where they do not, or where they are those of the image that it was
 * made from, its alias does, or else its fingerprint: `web-base`, published from a Debian container, is the variant `web-base` of that
 * Debian and no new Debian. What the daemon itself had from an upstream keeps its names and gets none of the standard aliases, and what it had only
 * cached gets no alias at all.
 * @throws NAME_INVALID, METADATA_INVALID
 */
export function nameImage(image: DaemonImage, options: NameOptions): NamedBuild {
  const { wishes, facts, now } = options;
  const given = image.isCached ? [] : image.aliases;
  const aliases = given.filter((alias) => isValidAlias(alias));
  const names = namesOf(image, [...aliases, ...(wishes.aliases ?? [])], options);
  const builtAt = dateOf(image, now);
  const source = `${facts.server}: image ${image.fingerprint.slice(0, 12)}`;
  const metadata = metadataOf(image, builtAt);
  const { build, notes } = nameBuild(source, metadata, {
    ...names,
    ...wishes,
    aliases: [...aliases, ...(wishes.aliases ?? [])],
  });
  const all = [...notes, ...given.filter((alias) => !aliases.includes(alias)).map(unusable)];
  const isNamed = image.upstream === undefined && build.aliases.length > 0;
  if (build.aliases.length === 0) {
    all.push("It has no alias, so it is launched by its fingerprint; --alias gives it one.");
  }
  const dates = { created_at: image.createdAt, expires_at: image.expiresAt };
  const exact = Object.entries(dates).filter(([, date]) => isExactDate(date));
  return {
    build: {
      ...build,
      builtAt,
      standardAliases: isNamed,
      // As the daemon tells them, whatever the names are that were found for it here.
      versionFields: { ...imageFields(metadata, wishes), ...Object.fromEntries(exact) },
      origin: originFrom(image, facts, now),
    },
    notes: all,
  };
}

function originFrom(image: DaemonImage, facts: DaemonFacts, now: Date): ImageOrigin {
  return {
    daemon: facts.family ?? "daemon",
    server: facts.server,
    source: facts.source,
    fingerprint: image.fingerprint,
    pulled_at: now.toISOString().replace(/\.\d+Z$/, "Z"),
    ...(image.upstream === undefined ? {} : { upstream: { ...image.upstream } }),
  };
}

type Names = Required<Pick<BuildWishes, "os" | "release" | "variant">> & Pick<BuildWishes, "releaseTitle">;

function namesOf(image: DaemonImage, aliases: readonly string[], { listing }: NameOptions): Names {
  const { properties, upstream, fingerprint } = image;
  const [alias] = aliases;
  const own = (alias ?? fingerprint.slice(0, 12)).replaceAll("/", "-");
  const { os = "", release = "", variant = "" } = properties;
  if (os === "" || release === "") {
    // Nothing but its alias tells such an image from others.
    return { os: os || "Custom", release: release || own, variant: variant || "default" };
  }
  const names = { os, release, variant: variant || "default" };
  const title = titleOf(image);
  const isAsNamed =
    upstream !== undefined || standardAliases(names).some((standard) => aliases.includes(standard));
  if (isAsNamed) return { ...names, ...(title === undefined ? {} : { releaseTitle: title }) };
  const known = aliases
    .flatMap((name) => listing.named(name))
    .find((product) => product.os === os && product.release === release && !isBorrowed(product));
  const called = known?.variant ?? own;
  return { ...names, variant: called, releaseTitle: `${title ?? release} ${called}` };
}

/** The description without what clients put around it themselves: `Debian bookworm amd64 (20261124_05:24)` says `bookworm`. */
function titleOf({ properties }: DaemonImage): string | undefined {
  const { os = "", description = "", release_title: title = "" } = properties;
  if (title !== "") return title;
  const bare = description
    .replace(/\s*\([^()]*\)$/, "")
    .replace(/\s+(?:amd64|arm64|armhf|i386|ppc64el|riscv64|s390x)$/, "");
  const short = bare.toLowerCase().startsWith(`${os.toLowerCase()} `)
    ? bare.slice(os.length + 1).trim()
    : bare;
  return short === "" || short.length > 100 ? undefined : short;
}

/**
 * When it was made. An image from an upstream has its version as `serial` (`20261124_05:24`), and only its day as date; one that was made
 * here still carries the serial of what it was made from, and has a date of its own. A serial that is no date counts for nothing.
 */
function dateOf({ properties, upstream, createdAt, uploadedAt }: DaemonImage, now: Date): Date {
  const serial = upstream === undefined ? undefined : dateOfSerial(properties["serial"] ?? "");
  return serial ?? dateIn(createdAt) ?? dateIn(uploadedAt) ?? now;
}

/** A day, perhaps with a minute, in any of the ways in which upstreams write it. */
export function dateOfSerial(serial: string): Date | undefined {
  const parts = /^(\d{4})-?(\d\d)-?(\d\d)(?:[T_ -]?([01]\d|2[0-3]):?([0-5]\d)(?::?\d\d)?Z?)?$/.exec(serial);
  if (parts === null) return undefined;
  const [, year = "", month = "", day = "", hour, minute] = parts;
  return versionDate(`${year}${month}${day}${hour === undefined ? "" : `_${hour}${minute ?? ""}`}`, "minute");
}

/** Go writes "never" as the year 1, and an unknown Unix time as 1970. */
function dateIn(text: string): Date | undefined {
  const date = new Date(text);
  const year = date.getUTCFullYear();
  return year >= 1990 && year <= 9999 ? date : undefined;
}

function metadataOf({ architecture, properties }: DaemonImage, builtAt: Date): ImageMetadata {
  return {
    architecture,
    creationDate: Math.floor(builtAt.getTime() / 1000),
    properties: new Map(Object.entries(properties)),
    templates: [],
  };
}

function unusable(alias: string): string {
  return `The alias ${quoted(alias)} is left out: not every client could use it.`;
}
