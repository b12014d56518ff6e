import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { aliasForms } from "../corpus/alias-forms.ts";
import { architectures } from "../corpus/architectures.ts";
import { documentsOf } from "../corpus/deviation.ts";
import { fingerprints } from "../corpus/fingerprints.ts";
import { ftypes } from "../corpus/ftypes.ts";
import { indexes } from "../corpus/indexes.ts";
import { predict } from "../corpus/predict.ts";
import { productsFiles } from "../corpus/products-files.ts";
import { shapes } from "../corpus/shapes.ts";
import { versionNames } from "../corpus/version-names.ts";
import { type ListedImage, type ResolveOptions, resolveName } from "../../src/simplestreams/index.ts";
import { askFor } from "./answers.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { type RawTrees, serveRawTrees } from "./raw-trees.ts";
import { FAMILIES, User } from "./user.ts";

/** Trees in which it is a question what a name leads to, and the answer is not up to chance. */
const trees = [
  ...aliasForms,
  ...architectures,
  ...fingerprints,
  ...ftypes,
  ...versionNames,
  ...indexes,
  ...productsFiles,
  ...shapes,
].filter(({ orders }) => orders === undefined);

describe.skipIf(inject("daemons") === undefined)("names in trees of the corpus", () => {
  let served: RawTrees | undefined;

  beforeAll(async () => {
    served = await serveRawTrees(new Map(trees.map((tree, at) => [`case-${at}`, documentsOf(tree)])));
  });
  afterAll(() => served?.close());

  describe.each(FAMILIES)("lead %s where it is predicted", (family) => {
    test.concurrent.each(trees.map((tree, at) => [tree.name, tree, `case-${at}`] as const))(
      "%s",
      async (_, tree, at) => {
        if (served === undefined) throw new Error("nothing is served");
        const [predicted] = predict(documentsOf(tree), family, ARCHITECTURE.kernel);
        const images = predicted === undefined || "refused" in predicted ? [] : predicted.images;
        const user = await User.create(family);
        await user.writeRemote("raw", served.url(at), served.pem);
        for (const name of namesIn(images)) {
          expect([name, await askFor(user, name)]).toEqual([name, expected(images, name, {})]);
          if (images.every(({ type }) => type === "container")) continue;
          const vm = { type: "virtual-machine" } as const;
          expect([name, await askFor(user, name, "--vm")]).toEqual([name, expected(images, name, vm)]);
        }
      },
    );
  });
});

/** The first and the last alias, one without architecture, and the beginning of a fingerprint. */
function namesIn(images: readonly ListedImage[]): readonly string[] {
  const claims = images.flatMap((image) => image.claims);
  const names = [claims.at(0), claims.at(1), claims.at(-1), images[0]?.fingerprint.slice(0, 5)];
  return [...new Set(names)].filter((name) => name !== undefined && name !== "") as string[];
}

function expected(images: readonly ListedImage[], name: string, options: ResolveOptions): string {
  const resolved = resolveName(images, name, { ...options, clientArch: ARCHITECTURE.kernel });
  return resolved.kind === "image" ? resolved.image.fingerprint : resolved.kind;
}
