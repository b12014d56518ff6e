import type { ApiImage } from "./api-image.ts";

/** An image as both daemons describe it (Incus shared/api/image.go, LXD the same). */
export function renderImage(image: ApiImage, aliases: readonly string[]): object {
  const { fingerprint, type, architecture, properties, createdAt, expiresAt, files } = image;
  return {
    auto_update: false,
    properties,
    // Without it a client asks for a secret that this server cannot give.
    public: true,
    expires_at: expiresAt,
    profiles: ["default"],
    aliases: aliases.map((name) => ({ name, description: "" })),
    architecture,
    cached: false,
    filename: fileName(image, 0),
    fingerprint,
    size: files.reduce((sum, { size }) => sum + size, 0),
    type,
    created_at: createdAt,
    last_used_at: "0001-01-01T00:00:00Z",
    uploaded_at: createdAt,
    project: "default",
  };
}

/** An alias as both daemons describe it. A client that asked for another type takes it as not there. */
export function renderAlias(name: string, { fingerprint, type, properties }: ApiImage): object {
  return { description: properties["description"] ?? "", name, target: fingerprint, type };
}

/** What a client calls one of the files of an image when it keeps it: `<fingerprint>.tar.gz`, `meta-<fingerprint>.tar.xz`. */
export function fileName({ fingerprint, files }: ApiImage, at: number): string {
  const file = files[at];
  return `${file?.role === "metadata" ? "meta-" : ""}${fingerprint}.${file?.extension ?? "tar.gz"}`;
}

/** The names of each image, in alphabetical order. */
export function aliasesByImage(names: ReadonlyMap<string, ApiImage>): ReadonlyMap<ApiImage, string[]> {
  const aliases = new Map<ApiImage, string[]>();
  for (const [name, image] of names) {
    const known = aliases.get(image);
    if (known === undefined) aliases.set(image, [name]);
    else known.push(name);
  }
  for (const known of aliases.values()) known.sort();
  return aliases;
}
