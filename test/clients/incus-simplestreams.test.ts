import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { Documents } from "../corpus/deviation.ts";
import { predict } from "../corpus/predict.ts";
import { explain } from "../../src/simplestreams/index.ts";
import { asAnswer, ask } from "./answers.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { run } from "./program.ts";
import { type RawTrees, serveRawTrees } from "./raw-trees.ts";
import { type SampleName, sampleImage } from "./sample-images.ts";
import { daemons, FAMILIES } from "./user.ts";

/** What somebody adds to a tree of the official tool, one command each. */
const ADDED: Readonly<Record<string, readonly SampleName[]>> = {
  "a split container": ["container-squashfs"],
  "a split virtual machine": ["vm-disk"],
  "a unified container": ["unified-container"],
  "a unified virtual machine": ["unified-vm"],
  "one of each": ["container-squashfs", "vm-disk", "unified-container"],
};

/** Trees as `incus-simplestreams` of this machine makes them, served by Headwater as they are. */
describe.skipIf(inject("daemons") === undefined)("trees made by incus-simplestreams", () => {
  const made = new Map<string, Documents>();
  let served: RawTrees | undefined;

  beforeAll(async () => {
    for (const [at, samples] of Object.values(ADDED).entries()) made.set(`tool-${at}`, await treeOf(samples));
    served = await serveRawTrees(made);
  });
  afterAll(() => served?.close());

  test.each(Object.keys(ADDED).map((what, at) => [what, `tool-${at}`] as const))(
    "%s is explained without an alarm",
    (_what, name) => {
      const documents = made.get(name) ?? new Map<string, Uint8Array>();
      const { findings } = explain({ index: documents.get("streams/v1/index.json"), products: documents });
      expect(findings.filter(({ level }) => level !== "note")).toEqual([]);
    },
  );

  describe.each(FAMILIES)("are listed by %s as predicted", (family) => {
    test.each(Object.keys(ADDED).map((what, at) => [what, `tool-${at}`] as const))(
      "%s",
      async (what, name) => {
        const [predicted = { images: [] }] = predict(
          made.get(name) ?? new Map(),
          family,
          ARCHITECTURE.kernel,
        );
        if (served === undefined) throw new Error("nothing is served");
        expect(await ask(family, served.url(name), served.pem)).toEqual(asAnswer(predicted, family));
        // The tool lists for Incus alone.
        const count = family === "lxd" ? 0 : (ADDED[what]?.length ?? 0);
        expect(predicted).toMatchObject({ images: { length: count } });
      },
    );
  });
});

async function treeOf(samples: readonly SampleName[]): Promise<Documents> {
  const folder = await mkdtemp(join(daemons().folder, "tool-"));
  const tree = join(folder, "tree");
  await mkdir(tree);
  for (const name of samples) {
    const { files } = await sampleImage(folder, name);
    await run("incus-simplestreams", ["add", ...files], { cwd: tree });
  }
  const paths = ["streams/v1/index.json", "streams/v1/images.json"];
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(tree, path))] as const)),
  );
}
