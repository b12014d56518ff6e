import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { parseProducts } from "../../src/simplestreams/index.ts";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { ARCHITECTURE } from "./image-files.ts";
import { asPrinted, predicted } from "./listing.ts";
import { commandsFor, publicCommandsFor } from "./printed-commands.ts";
import { FAMILIES, User, daemons } from "./user.ts";

describe.skipIf(inject("daemons") === undefined)("headwater demo", () => {
  let serving: Serving;

  beforeAll(async () => {
    serving = await (await Headwater.create()).demo();
  });
  afterEach(() => emptyDaemons(daemons()));
  afterAll(() => serving?.stop());

  test.each(
    FAMILIES.flatMap((family) => [
      { family, how: "for --public", commands: publicCommandsFor },
      { family, how: "for simplestreams", commands: commandsFor },
    ]),
  )("$family: pasting what it prints $how lists and launches the sample", async ({ family, commands }) => {
    const user = await User.create(family);
    const printed = await user.paste(commands(family, serving.output()));
    expect(printed).toContain("headwater/demo");

    expect(await user.exec("first", "hello")).toBe("Hello from Headwater\n");
    // Its init knows how to end: a stop that has to wait for the timeout would fail.
    await user.run("stop", "first", "--timeout", "20");
    expect(await user.run("list", "--format", "csv", "--columns", "ns")).toBe("first,STOPPED\n");
    await user.run("start", "first");
    expect(await user.exec("first", "hello")).toBe("Hello from Headwater\n");
    await user.run("restart", "first", "--timeout", "20");
    expect(await user.exec("first", "hello")).toBe("Hello from Headwater\n");
  });

  test.each(FAMILIES)("%s lists the sample for both architectures, as predicted", async (family) => {
    const user = await User.create(family);
    await user.addRemote("hw", serving.url, await serving.pem());
    const printed = await user.list("hw");
    const products = parseProducts(await serving.document("/streams/v1/images.json"));
    expect(printed).toEqual(predicted(products, family).map((image) => asPrinted(image, family)));
    expect(printed.map(({ architecture }) => architecture).sort()).toEqual(["aarch64", "x86_64"]);
    expect(printed.map(({ architecture }) => architecture)).toContain(ARCHITECTURE.kernel);
  });
});
