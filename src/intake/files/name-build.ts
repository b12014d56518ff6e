import { HeadwaterError } from "../../error.ts";
import type { ImageMetadata } from "../../image/metadata-yaml.ts";
import { preferredArchitecture } from "../../simplestreams/architectures.ts";
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

/**
 * What a build is called: wishes first, then the properties of its metadata.yaml, as `incus-simplestreams` reads them.
 * The date is the creation date, not the property `serial`: a published container still carries its base image's serial.
 * @param source the file, for messages
 * @throws METADATA_INVALID when os or release are said nowhere
 */
export function nameBuild(
  source: string,
  metadata: ImageMetadata,
  wishes: BuildWishes,
): Omit<Build, "files"> {
  const { properties } = metadata;
  const arch = wishes.arch ?? metadata.architecture;
  const spelled = preferredArchitecture(arch);
  if (spelled === undefined) {
    throw new HeadwaterError("NAME_INVALID", `no client knows the architecture "${arch}"`, {
      hint: "Use a name such as amd64, arm64, armhf, riscv64, ppc64el or s390x.",
    });
  }
  const requirements = wishes.requirements ?? requirementsIn(properties);
  return {
    names: {
      os: named("os", wishes.os ?? properties.get("os"), source),
      release: named("release", wishes.release ?? properties.get("release"), source),
      variant: named("variant", wishes.variant ?? (properties.get("variant") || "default"), source),
      arch: spelled,
    },
    version: wishes.version,
    builtAt: new Date(metadata.creationDate * 1000),
    label: wishes.label ?? properties.get("label"),
    releaseTitle: wishes.releaseTitle ?? properties.get("release_title"),
    requirements,
    aliases: wishes.aliases ?? [],
  };
}

function named(field: "os" | "release" | "variant", value: string | undefined, source: string): string {
  if (value !== undefined && value.trim() !== "") return value.trim();
  throw new HeadwaterError("METADATA_INVALID", `${source}: metadata.yaml has no property "${field}"`, {
    hint: `Say it with --${field}, or put it under "properties" in metadata.yaml.`,
    details: { file: source, property: field },
  });
}

/** Images that came from a simplestreams server carry its requirements as properties of this form. */
function requirementsIn(properties: ReadonlyMap<string, string>): Record<string, string> | undefined {
  const found: [string, string][] = [];
  for (const [key, value] of properties) {
    if (key.startsWith("requirements.")) found.push([key.slice("requirements.".length), value]);
  }
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
