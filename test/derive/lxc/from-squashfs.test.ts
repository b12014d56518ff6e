import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlobFiles } from "../../../src/compose.ts";
import { remove } from "../../../src/curate/remove.ts";
import { makeLxcFiles } from "../../../src/derive/lxc/make-lxc-files.ts";
import { HeadwaterError } from "../../../src/error.ts";
import type { Store } from "../../../src/store/store.ts";
import { needProgram } from "../../image/programs.ts";
import { tinyRootTar, tinySquashfs } from "../../image/tiny-image.ts";
import { hardSquashfs, type LxcSite, lxcSite } from "./lxc-site.ts";

const INDEX = "meta/1.0/index-system";
const PATH = "/usr/bin:/bin";

let site: LxcSite;

beforeEach(async (context) => {
  needProgram(context, "xz", "tar");
  site = await lxcSite();
});
afterEach(() => site.remove());

function bound(target: object, member: unknown): unknown {
  return typeof member === "function" ? member.bind(target) : member;
}

async function until<T>(look: () => T): Promise<T> {
  for (;;) {
    try {
      return look();
    } catch {
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Stands in for sqfs2tar: writes this archive whatever it is asked. */
async function tarProgram(tar: Buffer, then = "exit 0"): Promise<string> {
  const bin = await site.programs({ sqfs2tar: `base64 -d <<'EOF'\n${tar.toString("base64")}\nEOF\n${then}` });
  return `${bin}:${PATH}`;
}

describe("a squashfs", () => {
  it("becomes a tarball with all that it holds, from program to program", async (context) => {
    needProgram(context, "sqfs2tar", "mksquashfs", "unsquashfs");
    const squashfs = await hardSquashfs(site.folder);
    await site.add(squashfs);
    expect(await site.make()).toMatchObject({ failures: [], listed: 1 });
    const tar = execFileSync("tar", ["--numeric-owner", "-tvJ"], {
      input: await site.file("/rootfs.tar.xz"),
      encoding: "utf8",
    });
    const listing = execFileSync("unsquashfs", ["-lln", squashfs], { encoding: "utf8" });
    expect(membersOfTar(tar)).toEqual(membersOfSquashfs(listing));
    expect(tar).toMatch(/^h.* \.\/etc\/(?:hard|hostname) link to \.\/etc\/(?:hard|hostname)$/m);
    const metadata = await site.file("/meta.tar.xz");
    const part = (name: string) => execFileSync("tar", ["-xJO", name], { input: metadata, encoding: "utf8" });
    if (process.getuid?.() === 0)
      expect(part("excludes-user")).toBe("./dev/null\ndev/null\n./dev/sda\ndev/sda\n");
  });

  /** `mode owner name`, the form that both programs can be brought to; a hard link has the mode of what it is. */
  function membersOfTar(text: string): string[] {
    return text
      .trim()
      .split("\n")
      .map((line) => /^(\S+)\s+(\S+)\s+(?:\d+,\s*\d+|\d+)\s+\S+\s+\S+\s+(.*)$/.exec(line) ?? [])
      .map(([, mode = "", owner, name = ""]) => {
        const plain = name
          .replace(/ (?:link to|->) .*$/, "")
          .replace(/^\.\/?/, "")
          .replace(/\/$/, "");
        return `${mode.slice(0, 10).replace(/^h/, "-")} ${owner} ${plain}`;
      })
      .toSorted();
  }

  function membersOfSquashfs(text: string): string[] {
    return text
      .trim()
      .split("\n")
      .map((line) => /^(\S{10})\s+(\S+)\s+(?:\d+,\s*\d+|\d+)\s+\S+\s+\S+\s+(.*)$/.exec(line) ?? [])
      .filter(([whole]) => whole !== undefined)
      .map(([, mode, owner, name = ""]) => {
        const plain = name.replace(/ -> .*$/, "").replace(/^squashfs-root\/?/, "");
        return `${mode} ${owner} ${plain}`;
      })
      .toSorted();
  }

  it("that is not sound lists nothing, and keeps no other build from its turn", async (context) => {
    needProgram(context, "sqfs2tar");
    await site.add(tinySquashfs());
    await site.add(gzipSync(await tinyRootTar()), { os: "other" }, { salt: "o" });
    const { made, failures, listed } = await site.make();
    expect(made.map(({ product }) => product)).toEqual(["other:1:default:amd64"]);
    expect(failures.map(({ error }) => error.message)).toEqual([expect.stringContaining("sqfs2tar says")]);
    expect(listed).toBe(1);
  });

  it.each([
    ["sqfs2tar", { xz: 'exec xz "$@"' }, "squashfs-tools-ng"],
    ["xz", {}, "xz-utils"],
  ])("needs %s, which is named when it is not installed", async (program, scripts, debian) => {
    await site.add(tinySquashfs());
    const { failures } = await site.make({ programs: await site.programs(scripts) });
    expect(failures.map(({ error }) => error)).toMatchObject([
      {
        code: "PROGRAM_MISSING",
        message: expect.stringContaining(program),
        hint: `Install it (Debian: apt install ${debian}).`,
      },
    ]);
    expect((await site.store.newest())?.number).toBe(1);
  });

  it("is not listed when the program fails at the end, stops in the middle, or writes no archive", async () => {
    await site.add(tinySquashfs());
    const tar = await tinyRootTar();
    const failing = [
      await tarProgram(tar, "echo broken >&2; exit 3"),
      await tarProgram(tar.subarray(0, 1500)),
      await tarProgram(tar.subarray(0, 512)),
      await tarProgram(Buffer.from("garbage ".repeat(1000))),
      await tarProgram(tar, "kill -9 $$"),
    ];
    for (const programs of failing) {
      const { made, failures, listed } = await site.make({ programs });
      expect({ made, listed, failed: failures.length }).toEqual({ made: [], listed: 0, failed: 1 });
    }
    expect((await site.store.newest())?.number).toBe(1);
    expect(await site.make({ programs: await tarProgram(tar) })).toMatchObject({ listed: 1 });
  });

  it("is not listed when xz fails", async () => {
    await site.add(tinySquashfs());
    const tar = await tinyRootTar();
    const programs = await tarProgram(tar);
    const broken = await site.programs({ xz: "head -c 100; echo no room >&2; exit 1" });
    const { failures } = await site.make({ programs: `${broken}:${programs}` });
    expect(failures.map(({ error }) => error.message)).toEqual([expect.stringContaining("no room")]);
    expect((await site.store.newest())?.number).toBe(1);
  });

  it("that is removed while its tarball is made is not listed by it", async () => {
    await site.add(tinySquashfs());
    await site.add(gzipSync(await tinyRootTar()), { os: "other" }, { salt: "o" });
    const report = await site.make({
      programs: await tarProgram(await tinyRootTar()),
      onBuild: ({ product }) => {
        if (product.startsWith("tiny")) isRemoved = remove(site.store, ["tiny:1:default:amd64"]);
      },
    });
    await isRemoved;
    expect(report.failures).toEqual([]);
    expect(await site.document(INDEX)).toMatch(/^other;[^\n]*\n$/);
  });
  let isRemoved: Promise<unknown> = Promise.resolve();

  it("is given up at once when the work is stopped, though the program says nothing", async () => {
    await site.add(tinySquashfs());
    const stop = new AbortController();
    const programs = `${await site.programs({ sqfs2tar: `echo $$ > ${site.folder}/new; mv ${site.folder}/new ${site.folder}/pid; exec sleep 1000` })}:${PATH}`;
    const made = site.make({ programs, signal: stop.signal });
    const pid = await until(() => readFileSync(join(site.folder, "pid"), "utf8").trim());
    stop.abort();
    await expect(made).rejects.toThrow("aborted");
    expect(isRunning(Number(pid))).toBe(false);
  });

  it("leaves no xz waiting when the disk has no room for what it would write", async () => {
    await site.add(gzipSync(await tinyRootTar()));
    const programs = `${await site.programs({ xz: `echo $$ >> ${site.folder}/pid; exec sleep 1000` })}:${PATH}`;
    const full = new HeadwaterError("STORE_FULL", "no room");
    const writer: Store["writer"] = async (...wishes) =>
      new Proxy(await site.store.writer(...wishes), {
        get: (target, name) =>
          name === "create" ? () => Promise.reject(full) : bound(target, Reflect.get(target, name)),
      });
    const store = { ...site.store, writer };
    const options = { streams: new Set(["images"]), blobFiles: openBlobFiles(site.store.name), programs };
    await expect(makeLxcFiles(store, options)).rejects.toBe(full);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(existsSync(join(site.folder, "pid"))).toBe(false);
  });

  it("leaves nothing behind when the work is stopped", async () => {
    await site.add(tinySquashfs());
    const stop = new AbortController();
    const programs = `${await site.programs({ sqfs2tar: "while :; do head -c 65536 /dev/zero; done" })}:${PATH}`;
    const made = site.make({ programs, signal: stop.signal, onBytes: () => stop.abort() });
    await expect(made).rejects.toThrow();
    expect(readdirSync(join(site.store.name, "incoming"))).toEqual([]);
  });
});

it("what is ready is listed when the work is stopped", async () => {
  await site.add(gzipSync(await tinyRootTar()));
  await site.add(gzipSync(await tinyRootTar({ salt: "b" })), { os: "other" }, { salt: "b" });
  const stop = new AbortController();
  const made = site.make({ signal: stop.signal, onBuild: (_work, { done }) => done === 1 && stop.abort() });
  await expect(made).rejects.toThrow();
  expect(await site.document(INDEX)).toMatch(/^[^\n]*\n$/);
});
