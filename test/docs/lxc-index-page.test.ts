import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { treeScript } from "./lxc-tree.ts";
import { blockWith, readPage } from "./page.ts";

const page = readPage("lxc-index.md");
const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const missing = ["tar", "xz"].filter((program) => !has(program));
if (missing.length > 0) console.log(`test/docs/lxc-index-page: skipped, missing: ${missing.join(", ")}`);

describe.skipIf(missing.length > 0)("the smallest tree of the page about the LXC index", () => {
  const folder = mkdtempSync(join(tmpdir(), "hw-lxc-page-"));
  const tree = join(folder, "tree");

  beforeAll(() => {
    // The root only has to be packed here; test/clients unpacks one with a real busybox.
    const programs = join(folder, "programs");
    mkdirSync(programs);
    writeFileSync(join(programs, "busybox"), "#!/bin/sh\n");
    chmodSync(join(programs, "busybox"), 0o755);
    const work = join(folder, "work");
    mkdirSync(work);
    const env = { PATH: `${programs}:${process.env["PATH"] ?? ""}`, LANG: "C.UTF-8" };
    execFileSync("sh", ["-eu"], { cwd: work, env, input: treeScript(page) });
    execFileSync("mv", [join(work, "tree"), tree]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const lines = (name: string): string[] => readFileSync(join(tree, "meta/1.0", name), "utf8").split("\n");

  it("has the files that the page says it has", () => {
    const files = readdirSync(tree, { recursive: true, encoding: "utf8" })
      .filter((path) => statSync(join(tree, path)).isFile())
      .map((path) => join("tree", relative(tree, join(tree, path))));
    const promised = blockWith(page, "text", "tree/meta/1.0/index-system").trim().split("\n");
    expect(files.toSorted()).toEqual(promised);
  });

  it.each(["index-system", "index-system.7", "index-user", "index-user.7"])(
    "has the line of the page in %s: six fields, ended by LF, with a path that is there",
    (name) => {
      const [line = "", ...rest] = lines(name);
      expect(rest).toEqual([""]);
      expect(`${line}\n`).toBe(page.blocks("index")[0]);
      const fields = line.split(";");
      expect(fields).toHaveLength(6);
      for (const field of fields) expect(field).toMatch(/^\S+$/);
      const path = fields[5] ?? "";
      expect(path).toMatch(/^\/.*\/$/);
      expect(readdirSync(join(tree, path)).toSorted()).toEqual(["meta.tar.xz", "rootfs.tar.xz"]);
    },
  );

  it("has a row in the table for each of the six fields", () => {
    const table = page.text.slice(
      page.text.indexOf("| field | what | rule |"),
      page.text.indexOf("## Compat levels"),
    );
    expect([...table.matchAll(/^\| (\d) \|/gm)].map(([, field]) => field)).toEqual([
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
    ]);
  });

  it("packs only metadata that the page describes, with what is needed", () => {
    const tarball = join(tree, "images/tiny/1/amd64/default/20260102_03:04/meta.tar.xz");
    const listed = execFileSync("tar", ["--list", "--xz", "--file", tarball], {
      encoding: "utf8",
    });
    const names = listed
      .split("\n")
      .map((name) => name.replace(/^\.\//, ""))
      .filter((name) => name !== "");
    expect(names).toContain("config");
    expect(names).toContain("expiry");
    for (const name of names) expect(page.text).toContain(`\`${name}\``);
  });

  it("asks for what the page says is asked for", () => {
    const asked = blockWith(page, "text", "GET //meta").trim().split("\n");
    const paths = asked.map((line) => line.replace("GET ", "").replaceAll("//", "/"));
    for (const path of paths) expect(statSync(join(tree, path)).isFile(), path).toBe(true);
  });
});
