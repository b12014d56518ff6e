import { readdirSync, readFileSync } from "node:fs";
import { PRODUCTS_PATH } from "../../src/simplestreams/rules/smallest-tree.ts";
import type { Deviation } from "./deviation.ts";

const folder = new URL("../fixtures/simplestreams/shapes/", import.meta.url);

/** Trees that are right as they are, in the shapes of public servers and of other tools: in each file its documents by path. */
export const shapes: readonly Deviation[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .sort()
  .map((name) => {
    const documents = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Record<string, unknown>;
    const texts = Object.entries(documents).map(
      ([path, document]) => [path, JSON.stringify(document)] as const,
    );
    return {
      name: `the shape of ${name.slice(0, -".json".length)}`,
      about: "A tree in use, and right as it is.",
      // Nothing of the smallest tree is in it.
      documents: { [PRODUCTS_PATH]: undefined, ...Object.fromEntries(texts) },
    };
  });
