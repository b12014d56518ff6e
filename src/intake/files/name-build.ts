import { HeadwaterError } from "../../error.ts";
import type { ImageMetadata } from "../../image/metadata-yaml.ts";
import { checkAlias } from "../../simplestreams/aliases.ts";
import { kernelArchitecture, preferredArchitecture } from "../../simplestreams/architectures.ts";
import { printable, quoted } from "../../simplestreams/printable.ts";
import type { Json } from "../../simplestreams/products.ts";
import type { Build } from "../build.ts";

/** What a person says about a build; everything left out comes from its metadata.yaml. */
export interface BuildWishes {
  readonly os?: string;
  readonly release?: string;
  readonly variant?: string;
  readonly arch?: string;
  readonly version?: string;
  readonly releaseTitle?: string;
  readonly label?: string;
  readonly requirements?: Readonly<Record<string, string>>;
  readonly aliases?: readonly string[];
}

export interface NamedBuild {
  readonly build: Omit<Build, "files">;
  /** Sentences for the person who adds it. */
  readonly notes: readonly string[];
}

/**
 * What a build is called: wishes first, then the properties of its metadata.yaml, as `incus-simplestreams` reads them.
 * The date is the creation date, not the property `serial`: a published container still carries its base image's serial.
 * @param source the file, for messages
 * @throws METADATA_INVALID when os or release are said nowhere, NAME_INVALID for what clients cannot show or use
 */
export function nameBuild(source: string, metadata: ImageMetadata, wishes: BuildWishes): NamedBuild {
  const { properties } = metadata;
  const arch = architecture(source, metadata, wishes);
  const text = (field: string, value: string | undefined) => checkedText(source, field, value);
  const named = (field: "os" | "release" | "variant", value: string | undefined) =>
    present(source, field, text(field, value));
  for (const alias of wishes.aliases ?? []) checkAlias(alias);
  const build = {
    names: {
      os: named("os", wishes.os ?? properties.get("os")),
      release: named("release", wishes.release ?? properties.get("release")),
      variant: named("variant", wishes.variant ?? (properties.get("variant") || "default")),
      arch: arch.spelled,
    },
    version: wishes.version,
    builtAt: new Date(metadata.creationDate * 1000),
    label: text("label", wishes.label ?? properties.get("label")),
    releaseTitle: text("release title", wishes.releaseTitle ?? properties.get("release_title")),
    requirements: checkedRequirements(source, wishes.requirements ?? requirementsIn(properties)),
    aliases: wishes.aliases ?? [],
    versionFields: imageFields(metadata, wishes),
  };
  return { build, notes: arch.notes };
}

/**
 * What the image says about itself and simplestreams has no place for: the image API shows it, as a daemon would that imported
 * these files (Incus cmd/incusd/images.go, LXD lxd/images.go). Clients of simplestreams pass over keys they do not know.
 */
export function imageFields(
  { creationDate, expiryDate, properties }: Pick<ImageMetadata, "creationDate" | "expiryDate" | "properties">,
  { os, release, variant }: Pick<BuildWishes, "os" | "release" | "variant">,
): Readonly<Record<string, Json>> {
  const said = Object.entries({ os, release, variant }).filter(([, value]) => value !== undefined);
  const shown = [...properties, ...(said as [string, string][])].filter(
    ([key, value]) => isShort(key) && isShort(value),
  );
  return {
    created_at: rfc3339(creationDate),
    ...(expiryDate === undefined ? {} : { expires_at: rfc3339(expiryDate) }),
    properties: Object.fromEntries(shown),
  };
}

/** Every client downloads these texts with every list, and prints them on a terminal as they are. */
function isShort(text: string): boolean {
  return text.length <= LONGEST_PROPERTY && printable(text) === text;
}

function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function architecture(
  source: string,
  metadata: ImageMetadata,
  wishes: BuildWishes,
): { readonly spelled: string; readonly notes: readonly string[] } {
  const asked = wishes.arch ?? metadata.architecture;
  const spelled = preferredArchitecture(asked);
  if (spelled === undefined) {
    throw new HeadwaterError("NAME_INVALID", `no client knows the architecture ${quoted(asked)}`, {
      hint: "Use a name such as amd64, arm64, armhf, riscv64, ppc64el or s390x.",
      details: { file: source },
    });
  }
  if (kernelArchitecture(spelled) === metadata.architecture) return { spelled, notes: [] };
  const note = `It is listed as ${spelled}, although its metadata.yaml says ${metadata.architecture}.`;
  return { spelled, notes: [note] };
}

function present(source: string, field: "os" | "release" | "variant", value: string | undefined): string {
  if (value !== undefined && value.trim() !== "") return value.trim();
  throw new HeadwaterError("METADATA_INVALID", `${source}: metadata.yaml has no property "${field}"`, {
    hint: `Say it with --${field}, or put it under "properties" in metadata.yaml.`,
    details: { file: source, property: field },
  });
}

/** Characters; every client downloads and keeps these texts with every list. */
const LONGEST_TEXT = 255;

/** Characters of a property, which may be a description of several sentences. */
const LONGEST_PROPERTY = 1000;

/** Clients print these texts on terminals as they are, where a control character does what its author wants. */
function checkedText(source: string, field: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.length > LONGEST_TEXT) {
    throw textInvalid(source, field, `expected at most ${LONGEST_TEXT} characters, got ${value.length}`);
  }
  if (printable(value) !== value)
    throw textInvalid(source, field, `${quoted(value)} has a control character`);
  return value;
}

function textInvalid(source: string, field: string, what: string): HeadwaterError {
  return new HeadwaterError("NAME_INVALID", `${source}: the ${field} cannot be used: ${what}`, {
    hint: "Say it with an option of this command, or correct metadata.yaml.",
    details: { file: source, field },
  });
}

/** A requirement becomes a property `requirements.<name>` with a text, in every client. */
function checkedRequirements(
  source: string,
  requirements: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  for (const [name, value] of Object.entries(requirements ?? {})) {
    checkedText(source, "name of a requirement", name);
    checkedText(source, `requirement ${quoted(name)}`, value);
  }
  return requirements;
}

/** Images that came from a simplestreams server carry its requirements as properties of this form. */
function requirementsIn(properties: ReadonlyMap<string, string>): Record<string, string> | undefined {
  const found: [string, string][] = [];
  for (const [key, value] of properties) {
    if (key.startsWith("requirements.")) found.push([key.slice("requirements.".length), value]);
  }
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
