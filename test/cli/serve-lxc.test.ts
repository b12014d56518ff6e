import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/compose.ts";
import { lxcTask } from "../../src/cli/serve-lxc.ts";
import type { Store } from "../../src/store/store.ts";
import { needProgram } from "../image/programs.ts";
import { tinyRootTar } from "../image/tiny-image.ts";
import { recordingLogger } from "../server/site.ts";
import { fakeIo } from "./fake-io.ts";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
let store: Store;

beforeEach(async (context) => {
  needProgram(context, "xz");
  site = await temporarySite();
  const [metadata] = await site.files("a");
  const root = join(site.folder, "root.tar.xz");
  writeFileSync(root, execFileSync("xz", ["-c"], { input: await tinyRootTar() }));
  await site.json("add", metadata, root);
  // No squashfs: of this one nothing can be made.
  await site.json("add", ...(await site.files("b")), "--os", "broken");
  store = await openStore(site.data);
});
afterEach(() => site?.remove());

const configure = (text: string): void => writeFileSync(join(site.data, "headwater.yaml"), text);

describe("a server that makes files for LXC", () => {
  it("does so when the configuration says so, once, tells what it could not, once, and takes them back", async () => {
    const log = recordingLogger();
    const io = fakeIo({ cwd: site.folder });
    const task = lxcTask(io, { data: site.data }, { store, log });
    const run = async (): Promise<number | undefined> => {
      await task.run(new AbortController().signal);
      return (await store.newest())?.number;
    };
    const before = (await store.newest())?.number ?? 0;
    expect(await run()).toBe(before);
    configure("lxc: true\n");
    expect(await run()).toBe(before + 1);
    expect(await run()).toBe(before + 1);
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "info made for LXC",
      "warn files for LXC could not be made; tried again in an hour",
    ]);
    await site.json("alias", "add", "another", "tiny/1");
    expect(await run()).toBe(before + 2);
    expect(log.lines).toHaveLength(2);
    configure("lxc: false\n");
    expect(await run()).toBe(before + 3);
    expect((await store.newest())?.documents["meta/1.0/index-system"]).toBeUndefined();
  });
});
