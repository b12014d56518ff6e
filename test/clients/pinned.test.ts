import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { linuxcontainersStandIn } from "./stand-ins.ts";
import { serveTree, type StaticTree } from "./static-tree.ts";
import { daemons, usersKnowing } from "./user.ts";

const TESTED = { version: "20261121_07:42", marker: "tested" };
const NEWER = { version: "20261122_07:42", marker: "newer" };

/** An image that somebody tested and pinned, and that its upstream drops. */
describe.skipIf(inject("daemons") === undefined)("a pinned image that its upstream dropped", () => {
  let folder: string;
  let headwater: Headwater;
  let upstream: StaticTree;
  let serving: Serving | undefined;
  const documents = new Map<string, unknown>();

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "pinned-"));
    headwater = await Headwater.create();
    upstream = await serveTree(folder, documents);
  });
  afterEach(async () => {
    await serving?.stop();
    await upstream.close();
    serving = undefined;
    await emptyDaemons(daemons());
  });

  /** The upstream lists one version, and nothing else any more. Resolves to its fingerprint. */
  async function list(build: typeof TESTED): Promise<string> {
    const standIn = await linuxcontainersStandIn(folder, build);
    for (const [path, document] of standIn.documents) documents.set(path, document);
    return standIn.fingerprints["squashfs"] ?? "";
  }

  async function add(...options: readonly string[]): Promise<void> {
    const ca = join(folder, "ca.pem");
    await writeFile(ca, upstream.pem);
    await headwater.run("upstream", "add", upstream.url, "--name", "up", "--ca", ca, "--twins", ...options);
  }

  /** Both clients list both versions and launch both: the newer one by its alias, the pinned one by its fingerprint. */
  async function expectBothLaunched(tested: string, newer: string): Promise<void> {
    serving = await headwater.serve();
    for (const user of await usersKnowing(serving.url, await serving.pem())) {
      const printed = await user.list("hw");
      expect(printed.map(({ fingerprint }) => fingerprint).sort()).toEqual([tested, newer].sort());
      await user.launch("hw:debian/12", "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe("newer\n");
      await user.launch(`hw:${tested.slice(0, 12)}`, "c2");
      expect(await user.exec("c2", "cat", "/etc/marker")).toBe("tested\n");
      expect(await user.baseImage("c2")).toBe(tested);
    }
  }

  test("from a mirror: both clients launch it after a prune without grace", async () => {
    const tested = await list(TESTED);
    await add("--mode", "mirror");
    await headwater.run("sync");
    expect(await headwater.run("pin", tested.slice(0, 12), "--note", "release 4.2")).toContain(
      "Pinned: image",
    );
    const newer = await list(NEWER);
    await headwater.run("sync");
    expect(await headwater.run("prune", "--grace", "0", "--free-now")).toContain("deleted");
    expect(await headwater.run("pins")).toContain("release 4.2");
    await expectBothLaunched(tested, newer);
    expect(await headwater.run("verify")).toContain("all as promised");

    // Without the pin it goes as everything does that the upstream drops.
    await headwater.run("unpin", tested.slice(0, 12));
    await headwater.run("sync");
    expect((await headwater.json("list")) as unknown[]).toHaveLength(1);
  });

  test("from a cache that holds it: both clients launch it, and what is not here any more is the newer one's", async () => {
    const tested = await list(TESTED);
    await add();
    serving = await headwater.serve();
    const [first] = await usersKnowing(serving.url, await serving.pem());
    await first?.launch("hw:debian/12", "c0");
    await serving.stop();
    await emptyDaemons(daemons());
    await headwater.run("pin", tested);
    const newer = await list(NEWER);
    await headwater.run("sync");
    await headwater.run("prune", "--grace", "0", "--free-now");
    await expectBothLaunched(tested, newer);
  });

  test("by a rule of retention, without a pin: both clients launch what was superseded a moment ago", async () => {
    const tested = await list(TESTED);
    await add("--mode", "mirror");
    await headwater.run("sync");
    const newer = await list(NEWER);
    await headwater.run("upstream", "set", "up", "--keep", "2");
    await headwater.run("sync");
    await headwater.run("prune", "--grace", "0", "--free-now");
    await expectBothLaunched(tested, newer);
    await headwater.run("upstream", "set", "up", "--keep", "1");
    expect(await headwater.run("prune", "--dry-run")).toContain(TESTED.version);
    expect(await headwater.run("prune", "--grace", "0", "--free-now")).toMatch(
      /^Went: up debian:.* no rule keeps it$/m,
    );
    expect((await headwater.json("list")) as unknown[]).toHaveLength(1);
  });
});
