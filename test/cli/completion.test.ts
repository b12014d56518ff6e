import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { headwater } from "./fake-io.ts";

/** What bash offers after these words, with the script sourced in a bare bash. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout } = await headwater(["completion", "bash"]);
  const script = [
    stdout,
    `COMP_WORDS=(headwater ${words.map((word) => `'${word}'`).join(" ")})`,
    `COMP_CWORD=${words.length}`,
    "_headwater",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  return execFileSync("bash", ["--norc", "--noprofile", "-eu", "-c", script], { encoding: "utf8" })
    .trim()
    .split("\n");
}

describe("headwater completion bash", () => {
  it("completes commands", async () => {
    expect(await offered("comp")).toEqual(["completion"]);
  });

  it("completes subcommands, and the values of an option", async () => {
    expect(await offered("alias", "")).toEqual(["add", "remove", "list", "help"]);
    expect(await offered("list", "-f", "")).toEqual(["table", "json", "yaml", "csv"]);
    expect(await offered("list", "debian", "--format", "y")).toEqual(["yaml"]);
  });

  it("completes explain and its options", async () => {
    expect(await offered("expl")).toEqual(["explain"]);
    expect(await offered("explain", "./tree", "--f")).toEqual(["--files", "--fetch"]);
  });

  it("completes the words of an argument", async () => {
    expect(await offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  it("completes options, the global ones too, after values of other options", async () => {
    expect(await offered("--data", "/somewhere", "completion", "--qu")).toEqual(["--quiet"]);
  });

  it("leaves files to bash where nothing fits", async () => {
    expect(await offered("completion", "zzz")).toEqual([""]);
  });
});
