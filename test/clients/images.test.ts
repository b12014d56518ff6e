import { createHash } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type ListedImage, type ProductsFile, parseProducts } from "../../src/simplestreams/index.ts";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { asPrinted, predicted } from "./listing.ts";
import { SAMPLES, type SampleImage, type SampleName, sampleImage } from "./sample-images.ts";
import { FAMILIES, User, daemons } from "./user.ts";

const CONTAINERS = SAMPLES.filter((name) => !name.includes("vm"));
const VMS = SAMPLES.filter((name) => name.includes("vm"));

/** Every shape of image, added from files and served by the compiled command line. */
describe.skipIf(inject("daemons") === undefined)("images from files", () => {
  const samples = new Map<SampleName, SampleImage>();
  let serving: Serving;
  let products: ProductsFile;
  const users = new Map<string, User>();

  beforeAll(async () => {
    const folder = await mkdtemp(join(daemons().folder, "samples-"));
    const headwater = await Headwater.create();
    for (const name of SAMPLES) {
      const sample = await sampleImage(folder, name);
      samples.set(name, sample);
      await headwater.run("add", ...sample.files, "--release-title", `Title of ${name}`);
    }
    serving = await headwater.serve();
    products = parseProducts(await serving.document("/streams/v1/images.json"));
    for (const family of FAMILIES) {
      const user = await User.create(family);
      await user.addRemote("hw", serving.url, await serving.pem());
      users.set(family, user);
    }
  });
  afterEach(() => emptyDaemons(daemons()));
  afterAll(() => serving?.stop());

  function sampleOf(name: SampleName): SampleImage {
    const sample = samples.get(name);
    if (sample === undefined) throw new Error(`no sample ${name}`);
    return sample;
  }

  function imageOf(name: SampleName, family: "incus" | "lxd"): ListedImage {
    const image = predicted(products, family).find(({ aliases }) => aliases.includes(`busy/${name}`));
    if (image === undefined) throw new Error(`Headwater predicts no image for ${name}`);
    return image;
  }

  describe.each(FAMILIES)("%s", (family) => {
    function user(): User {
      const found = users.get(family);
      if (found === undefined) throw new Error(`no ${family} user`);
      return found;
    }

    test("lists every image as predicted, to the last field", async () => {
      const printed = await user().list("hw");
      expect(printed).toEqual(predicted(products, family).map((image) => asPrinted(image, family)));
      expect(new Set(printed.map(({ properties }) => properties["release"]))).toEqual(new Set(SAMPLES));
    });

    test.each(SAMPLES)("lists %s by the hashes of its files", async (name) => {
      const { fingerprint, type, disk } = sampleOf(name);
      const image = imageOf(name, family);
      expect(image.type).toBe(type);
      if (fingerprint !== undefined) expect(image.fingerprint).toBe(fingerprint);
      if (disk !== undefined) expect(image.files.at(-1)?.sha256).toBe(disk);
    });

    test.each(SAMPLES)("tells about %s under each of its names", async (name) => {
      const image = imageOf(name, family);
      const flags = image.type === "virtual-machine" ? ["--vm"] : [];
      for (const known of [...image.aliases, image.fingerprint, image.fingerprint.slice(0, 12)]) {
        const text = await user().run("image", "info", `hw:${known}`, ...flags);
        expect(text).toContain(`Fingerprint: ${image.fingerprint}\n`);
        expect(text).toContain(`Architecture: ${ARCHITECTURE.kernel}\n`);
        expect(text).toContain(`Type: ${image.type}\n`);
        expect(text).toContain(`    description: ${image.description}\n`);
        for (const alias of image.aliases) expect(text).toContain(`    - ${alias}\n`);
      }
    });

    test.each(SAMPLES)("exports %s byte for byte", async (name) => {
      const image = imageOf(name, family);
      const files = await user().export(
        `hw:busy/${name}`,
        ...(image.type === "virtual-machine" ? ["--vm"] : []),
      );
      const hashes = files.map(({ sha256 }) => sha256);
      expect([...hashes].sort()).toEqual(image.files.map(({ sha256 }) => sha256).sort());
      const whole = createHash("sha256");
      for (const { sha256 } of image.files) whole.update(files[hashes.indexOf(sha256)]?.bytes ?? "");
      expect(whole.digest("hex")).toBe(image.fingerprint);
    });

    test.each(CONTAINERS)("launches %s and runs a program in it", async (name) => {
      await user().launch(`hw:busy/${name}`, "c1");
      expect(await user().exec("c1", "cat", "/etc/marker")).toBe(`${sampleOf(name).marker}\n`);
      const { fingerprint, properties } = imageOf(name, family);
      expect(await user().baseImage("c1")).toBe(fingerprint);
      // On launch every property becomes `image.<key>` of the instance.
      for (const [key, value] of Object.entries(properties)) {
        expect(await user().run("config", "get", "c1", `image.${key}`), key).toBe(`${value}\n`);
      }
    });

    test.each([...VMS, "unified-container" as const])("copies %s into its daemon", async (name) => {
      const image = imageOf(name, family);
      const flags = image.type === "virtual-machine" ? ["--vm"] : [];
      await user().run("image", "copy", `hw:busy/${name}`, "local:", ...flags);
      const [copied, ...others] = await user().localImages();
      expect(others).toEqual([]);
      expect(copied).toMatchObject({
        fingerprint: image.fingerprint,
        type: image.type,
        size: image.size,
        architecture: image.architecture,
        properties: image.properties,
      });
      const hashes = (await user().export(`local:${image.fingerprint}`)).map(({ sha256 }) => sha256);
      expect(hashes.sort()).toEqual(image.files.map(({ sha256 }) => sha256).sort());
    });
  });

  test.each(CONTAINERS)("%s has one fingerprint in both daemons", async (name) => {
    const launched = await Promise.all(
      FAMILIES.map(async (family) => {
        const user = users.get(family);
        await user?.launch(`hw:busy/${name}`, "c1");
        return user?.baseImage("c1");
      }),
    );
    const { fingerprint } = sampleOf(name);
    expect(launched).toEqual([fingerprint, fingerprint]);
  });
});
