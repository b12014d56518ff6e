import { personalitiesOf } from "../../simplestreams/architectures.ts";
import type { ApiImage } from "./api-image.ts";

/**
 * What every name means on a machine of this architecture. Aliases of this protocol have neither type nor architecture, so each
 * leads to one image:
 * * `debian/12` is the container, or the virtual machine where there is no container, of the machine's own architecture;
 *   else of one that it also runs; else of any;
 * * `debian/12/vm` is always the virtual machine;
 * * `debian/12/arm64` and `debian/12/arm64/vm` are those of that architecture.
 * A name that a person gave wins over one that is made here.
 */
export function aliasNames(images: readonly ApiImage[], architecture: string): Map<string, ApiImage> {
  const own = [architecture, ...personalitiesOf(architecture)];
  const rank = (image: ApiImage): number => {
    const at = own.indexOf(image.architecture);
    return (at === -1 ? own.length : at) * 2 + (image.type === "container" ? 0 : 1);
  };
  const ranked = images.filter(({ claims }) => claims.length > 0).toSorted((a, b) => rank(a) - rank(b));
  const names = new Map<string, ApiImage>();
  const give = (name: string, image: ApiImage): void => {
    if (!names.has(name)) names.set(name, image);
  };
  for (const image of ranked) for (const alias of image.claims) give(alias, image);
  for (const image of ranked) {
    if (image.type === "virtual-machine") for (const alias of image.claims) give(`${alias}/vm`, image);
  }
  for (const image of ranked) for (const alias of image.claims) give(`${alias}/${image.arch}`, image);
  for (const image of ranked) {
    if (image.type !== "virtual-machine") continue;
    for (const alias of image.claims) give(`${alias}/${image.arch}/vm`, image);
  }
  return names;
}
