import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { reportError } from "../../src/cli/report-error.ts";
import { HeadwaterError } from "../../src/error.ts";
import { leavesOf } from "./command-reference.ts";
import { fakeIo, headwater } from "./fake-io.ts";

const program = createProgram({ io: fakeIo(), exitWith: () => undefined, ownSignal: () => undefined });

describe("headwater", () => {
  it("prints its version", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await headwater(["--version"])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("shows its help, on stderr and with status 2, when nothing is asked", async () => {
    const { status, stdout, stderr } = await headwater([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Usage: headwater");
  });

  it.each(leavesOf(program).map((path) => path.join(" ")))(
    "%s --help has an example and the exit statuses",
    async (path) => {
      const { status, stdout, stderr } = await headwater([...path.split(" "), "--help"]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(new RegExp(`Examples?:\\n  headwater ${path}`));
      expect(stdout).toMatch(/Exit status:\n {2}0 {3}(?:done|no errors)\b.*\n {2}1 {3}(?:failed|errors)\b/);
      expect(stdout).toContain("--data <folder>");
    },
  );

  it("answers a misspelled command and a misspelled option with status 2 and what was meant", async () => {
    const wrong = await headwater(["completoin"]);
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toBe(
      "headwater: unknown command 'completoin'\n  Did you mean completion? See: headwater completoin --help\n",
    );
    expect(await headwater(["completion", "bash", "--quite"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Did you mean --quiet?"),
    });
  });

  it("tells errors as one line of JSON on stderr with --json", async () => {
    const { status, stdout, stderr } = await headwater(["completion", "tcsh", "--json"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: "USAGE", hint: expect.any(String), details: {} },
    });
    expect(stderr.split("\n")).toHaveLength(2);
  });
});

describe("reportError", () => {
  it("shows message and hint, with control characters made visible", () => {
    const io = fakeIo();
    const error = new HeadwaterError("NOT_FOUND", 'no image "\u001b[2J"', { hint: "List them." });
    expect(reportError(error, io, false)).toBe(3);
    expect(io.stderrText()).toBe('headwater: no image "\\u001b[2J"\n  List them.\n');
  });

  it("calls anything unforeseen a bug and shows where it happened", () => {
    const io = fakeIo();
    expect(reportError(new TypeError("x is undefined"), io, false)).toBe(70);
    expect(io.stderrText()).toContain("this is a bug in Headwater");
    expect(io.stderrText()).toContain("TypeError: x is undefined\n    at ");
    expect(reportError("thrown text", fakeIo(), true)).toBe(70);
  });
});
