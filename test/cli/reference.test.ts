import { expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { commandReference } from "./command-reference.ts";
import { fakeIo } from "./fake-io.ts";

it("docs/reference/commands.md shows the help as the program prints it (npm run docs makes it anew)", async () => {
  const program = createProgram({ io: fakeIo(), exitWith: () => undefined, ownSignal: () => undefined });
  await expect(await commandReference(program)).toMatchFileSnapshot("../../docs/reference/commands.md");
});
