import { clientProfiles } from "../simplestreams/client-profile.ts";
import type { Finding } from "../simplestreams/finding.ts";
import { hazards } from "../simplestreams/rules/check-listing.ts";
import { imagesOf } from "../simplestreams/images-of.ts";
import { invisible } from "../simplestreams/invisible.ts";
import type { ProductsFile, Version } from "../simplestreams/products.ts";
import { withTwins } from "../simplestreams/twins.ts";
import { newestVersion } from "../simplestreams/version-name.ts";

/** What one kind of client makes of one build. Part of `--json`. */
export interface ClientView {
  /** `incus 6.0`, `lxd 6`, ... */
  readonly client: string;
  readonly images: readonly {
    readonly fingerprint: string;
    readonly type: string;
    readonly description: string;
    /** Names that lead to this image. */
    readonly aliases: readonly string[];
  }[];
  /** Why the client leaves something out, or cannot use it. */
  readonly problems: readonly string[];
}

/** What every client that Headwater knows sees of one version of a product. */
export function clientViews(file: ProductsFile, product: string, version: string): ClientView[] {
  const listed = file.products.get(product);
  if (listed === undefined) return [];
  // The aliases go to the newest version, and deltas come from a base, so these count too; all others would only cost time.
  const bases = [...(listed.versions.get(version)?.items.values() ?? [])].map((item) => item.delta_base);
  const wanted = new Set([version, newestVersion(listed.versions.keys()), ...bases]);
  const versions = new Map<string, Version>();
  for (const [name, one] of listed.versions) {
    // With the items of both dialects, as the merged root will have it.
    if (wanted.has(name)) versions.set(name, { ...one, items: withTwins(one.items) });
  }
  const only: ProductsFile = { ...file, products: new Map([[product, { ...listed, versions }]]) };
  return clientProfiles.map((client) => {
    const images = imagesOf(only, client).filter((image) => image.version === version);
    // What is left out is always worth a word here; of what is listed, only what may go wrong.
    const trouble = hazards(only, client).filter(({ level }) => level !== "note");
    const problems = [...invisible(only, client), ...trouble];
    return {
      client: client.name,
      images: images.map(({ fingerprint, type, description, claims }) => ({
        fingerprint,
        type,
        description,
        aliases: claims,
      })),
      problems: problems.filter((problem) => isAbout(problem, version)).map(({ reason }) => reason),
    };
  });
}

function isAbout(problem: Finding, version: string): boolean {
  return problem.version === undefined || problem.version === version;
}

/** What every client makes of one image of a build. */
export function clientViewsOf(
  file: ProductsFile,
  image: { readonly product: string; readonly version: string; readonly fingerprint: string },
): ClientView[] {
  return clientViews(file, image.product, image.version).map(({ client, images, problems }) => ({
    client,
    images: images.filter(({ fingerprint }) => fingerprint === image.fingerprint),
    problems,
  }));
}

/** The same as lines for a person; clients that see the same share theirs. */
export function clientViewLines(views: readonly ClientView[]): string[] {
  const shared = new Map<string, string[]>();
  for (const { client, images, problems } of views) {
    const seen = [
      ...images.map(
        ({ type, description, aliases }) =>
          `${type} "${description}"${aliases.length === 0 ? ", by fingerprint only" : ""}`,
      ),
      ...problems.map((problem) => `but: ${problem}`),
    ];
    const key = (seen.length === 0 ? ["nothing"] : seen).join("\n");
    shared.set(key, [...(shared.get(key) ?? []), client]);
  }
  return [...shared].map(([seen, clients]) => `  ${clients.join(", ")}: ${seen.split("\n").join("; ")}`);
}
