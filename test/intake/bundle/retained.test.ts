import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOrMakeStore, openStore } from "../../../src/compose.ts";
import { removeUpstream } from "../../../src/intake/sync/with-stream.ts";
import type { RetentionPolicy } from "../../../src/retention/policy.ts";
import { KEEP_ALL } from "../../../src/retention/policy.ts";
import { prune } from "../../../src/store/prune.ts";
import type { Store } from "../../../src/store/store.ts";
import { verify } from "../../../src/store/verify.ts";
import { carryIn, carryOut, listOf } from "../../bundle/carry.ts";
import { type Site, temporarySite } from "../../cli/site.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import { heldPaths, pathsOf, put, sync, tinyUpstream, type TinyVersion } from "../sync/tiny-upstream.ts";

const [FIRST, SECOND, THIRD] = ["20260101_0000", "20260102_0000", "20260103_0000"].map((version) => ({
  version,
})) as [TinyVersion, TinyVersion, TinyVersion];
const NEWEST: RetentionPolicy = { ...KEEP_ALL, general: { versions: 1 } };

let site: Site;
let far: string;
let file: string;
let upstream: HostileSite;
let store: Store;

beforeEach(async () => {
  site = await temporarySite();
  far = join(site.folder, "far");
  file = join(site.folder, "site.hwb");
  upstream = await startSite({ files: tinyUpstream([FIRST]) });
  store = await openOrMakeStore(site.data);
  await sync(store, upstream);
  await carryOut(site.data, file);
});
afterEach(async () => {
  await upstream.close();
  await site.remove();
});

async function upstreamLists(...versions: readonly TinyVersion[]): Promise<void> {
  put(upstream, tinyUpstream(versions));
  await sync(store, upstream);
}

const filesOf = (...versions: readonly TinyVersion[]): string[] =>
  versions.flatMap((version) => Object.values(pathsOf(version))).sort();

describe("what a site keeps of a bundle", () => {
  it("is decided there: what is pinned stays listed and fetchable, whatever later bundles say", async () => {
    await carryIn(far, file);
    const { status } = await site.run(["--data", far, "pin", "busy/1"]);
    expect(status).toBe(0);
    await upstreamLists(SECOND);
    await carryOut(site.data, `${file}2`);
    expect((await carryIn(far, `${file}2`)).streams).toMatchObject([{ come: 1, go: 0, stay: 1 }]);
    const there = await openStore(far);
    await prune(there, { now: Date.now(), graceMs: 0, freeNow: true });
    expect(await heldPaths(there)).toEqual(filesOf(FIRST, SECOND));
    expect((await verify(there)).damaged).toEqual([]);
  });

  it("also when nothing of the image stream is in the bundle any more", async () => {
    await carryIn(far, file);
    await site.run(["--data", far, "pin", "busy/1"]);
    await site.json("add", ...(await site.files("a")));
    await removeUpstream(store, "up");
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    await carryIn(far, `${file}2`);
    expect(await heldPaths(await openStore(far))).toEqual(expect.arrayContaining(filesOf(FIRST)));
  });

  it("by rules: prune takes off what they do not keep, and the next bundle does not need it", async () => {
    await upstreamLists(FIRST, SECOND);
    await carryOut(site.data, `${file}2`);
    await carryIn(far, `${file}2`);
    writeFileSync(join(far, "headwater.yaml"), "retention: {versions: 1}\n");
    await site.run(["--data", far, "prune", "--grace", "0", "--free-now"]);
    expect(await heldPaths(await openStore(far))).toEqual(filesOf(SECOND));
    await upstreamLists(FIRST, SECOND, THIRD);
    await carryOut(site.data, `${file}3`, { since: await listOf(`${file}2`) });
    expect(await carryIn(far, `${file}3`, { retention: NEWEST })).toMatchObject({ files: 2 });
    expect(await heldPaths(await openStore(far))).toEqual(filesOf(THIRD));
  });

  it("by rules: what they do not keep is neither brought nor asked of earlier bundles", async () => {
    await upstreamLists(FIRST, SECOND);
    await carryOut(site.data, `${file}2`, { since: await listOf(file) });
    expect(await carryIn(far, `${file}2`, { retention: NEWEST })).toMatchObject({ files: 2 });
    expect(await heldPaths(await openStore(far))).toEqual(filesOf(SECOND));
    await upstreamLists(SECOND, THIRD);
    await carryOut(site.data, `${file}3`, { since: await listOf(`${file}2`) });
    expect(await carryIn(far, `${file}3`, { retention: NEWEST })).toMatchObject({ files: 2 });
    expect(await heldPaths(await openStore(far))).toEqual(filesOf(THIRD));
  });
});
