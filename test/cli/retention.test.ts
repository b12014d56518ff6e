import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { USAGE_KEYS } from "../../src/curate/usage.ts";
import { type Site, temporarySite } from "./site.ts";

let site: Site;
const PRODUCT = "tiny:1:default:amd64";
const versionOf = (day: number): string => `2026010${day}_0000`;

beforeEach(async () => {
  site = await temporarySite();
  for (const day of [1, 2, 3])
    await site.json("add", ...(await site.files(`build ${day}`)), "--version", versionOf(day));
});
afterEach(() => site.remove());

function configure(text: string): void {
  writeFileSync(join(site.data, "headwater.yaml"), text);
}

async function versions(): Promise<string[]> {
  return ((await site.json("list")) as { version: string }[]).map(({ version }) => version);
}

/** What lies in folders of blobs, in bytes. */
function bytesBelow(...folders: readonly string[]): number {
  let bytes = 0;
  for (const folder of folders) {
    for (const entry of readdirSync(join(site.data, folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

describe("headwater prune with rules", () => {
  it("says in a dry run what would go, why, how much comes back and when, and changes nothing", async () => {
    configure("retention:\n  versions: 1\ngrace: 2h\n");
    await site.json("pin", PRODUCT, versionOf(1), "--note", "release 4.2");
    const { stdout } = await site.run(["prune", "--dry-run"]);
    expect(stdout).toMatch(
      /^Would go: images tiny:1:default:amd64 20260102_0000, .*: superseded on 20\d\d-\d\d-\d\d, and no rule keeps it$/m,
    );
    expect(stdout).toMatch(/^1 version off the lists, which frees .*iB: their files stay until 20.* UTC/m);
    expect(stdout).toContain(
      `Kept, though no rule keeps it: images ${PRODUCT} ${versionOf(1)}: pinned as ${PRODUCT}@${versionOf(1)} (release 4.2)`,
    );
    const before = Date.now();
    const report = (await site.json("prune", "--dry-run")) as {
      goes: { bytes: number; freed: number; freedAt: string }[];
    };
    expect(report).toMatchObject({
      generation: null,
      dryRun: true,
      goes: [{ stream: "images", product: PRODUCT, version: versionOf(2), because: "rules" }],
      kept: [{ version: versionOf(1), because: "rules", by: "pin", pin: `${PRODUCT}@${versionOf(1)}` }],
      pinnedGenerations: [],
    });
    const [gone] = report.goes;
    expect(gone?.freed).toBe(gone?.bytes);
    expect(Date.parse(gone?.freedAt ?? "")).toBeGreaterThanOrEqual(before + 2 * 3_600_000);
    expect(await versions()).toHaveLength(3);
  });

  it("names rules that count for nothing, such as those of a misspelt image stream", async () => {
    configure(
      "retention: {versions: 1, streams: {image: {versions: 9}, images: {versions: 2}}, products: [{select: releas=1, versions: 9}, {select: release=1, versions: 9}]}\n",
    );
    const { stdout } = await site.run(["prune", "--dry-run"]);
    expect(stdout.split("\n").filter((line) => line.startsWith("Rules"))).toEqual([
      "Rules for the image stream image count for nothing: there is none of that name.",
      "Rules for products with releas=1 count for nothing: none is listed.",
    ]);
    expect(await site.json("prune", "--dry-run")).toMatchObject({ goes: [], unusedRules: { length: 2 } });
  });

  it("takes them off the lists; their files go when the grace is over, and not before", async () => {
    configure("retention: {versions: 1}\n");
    const all = bytesBelow("blobs");
    expect((await site.run(["prune"])).stdout).toMatch(/^Went: images/m);
    expect(await versions()).toEqual([versionOf(3)]);
    expect(bytesBelow("blobs")).toBeGreaterThanOrEqual(all);
    await site.json("prune", "--grace", "0", "--free-now");
    expect(bytesBelow("blobs", "trash")).toBeLessThan(all / 2);
    expect((await site.run(["prune"])).stdout).toBe("Nothing to prune.\n");
  });

  it("goes by the size, and tells that apart", async () => {
    configure("retention: {streams: {images: {size: 1}}}\n");
    const { goes } = (await site.json("prune", "--dry-run")) as { goes: { because: string }[] };
    expect(goes.map(({ because }) => because)).toEqual(["size", "size"]);
  });

  it("keeps a pinned generation complete, and says so", async () => {
    configure("retention: {versions: 1}\n");
    await site.json("pin", "@2", "--note", "audit");
    expect(await site.json("prune", "--grace", "0", "--free-now")).toMatchObject({ pinnedGenerations: [2] });
    expect((await site.run(["prune"])).stdout).toContain("Kept complete by pins: @2");
    const history = (await site.json("history")) as { generation: number; kept: boolean }[];
    expect(history.filter(({ kept }) => kept).map(({ generation }) => generation)).toContain(2);
    expect(history.find(({ generation }) => generation === 1)?.kept).toBe(false);
    await site.json("rollback", "2");
    expect(await versions()).toEqual([versionOf(2), versionOf(1)]);
    expect((await site.run(["verify"])).status).toBe(0);
  });

  it.each([
    ["retention: {version: 1}\n", 'there is no setting "retention.version"'],
    ["retention: {versions: 0}\n", "retention.versions"],
    ["retention: {products: [{versions: 1}]}\n", "retention.products.0.select"],
    [
      "retention: {streams: {up: {versions: 1}}}\nupstreams: {up: {url: 'https://up.example', keep: 2}}\n",
      "both say what is kept of up",
    ],
    ["retention: {products: [{select: 'nonsense', versions: 1}]}\n", "cannot select by"],
  ])("refuses %s", async (text, message) => {
    configure(text);
    const { status, stderr } = await site.run(["prune"]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(await versions()).toHaveLength(3);
  });
});

describe("headwater pin", () => {
  it("says what it pinned, pins shows it, and unpin takes it away by the same name", async () => {
    const { stdout } = await site.run(["pin", "--alias", "tiny/1", "--note", "nightly"]);
    expect(stdout).toBe("Pinned: everything tiny/1 leads to, 3 versions so far\n");
    expect((await site.run(["pins"])).stdout).toMatch(/tiny\/1 +\| alias +\| 3 versions +\| .* \| nightly/);
    expect(await site.json("pins")).toMatchObject([{ kind: "alias", alias: "tiny/1", inUse: true }]);
    const taken = await site.run(["unpin", "--alias", "tiny/1"]);
    expect(taken.stdout).toContain("No longer pinned: everything tiny/1 leads to");
    expect(await site.json("pins")).toEqual([]);
    expect((await site.run(["unpin", "--alias", "tiny/1"])).status).toBe(3);
  });

  it("refuses what it does not understand", async () => {
    expect((await site.run(["pin"])).status).toBe(2);
    expect((await site.run(["pin", "@tomorrow"])).status).toBe(2);
    expect((await site.run(["pin", "@99"])).status).toBe(3);
  });

  it("is in a backup, with the generation that it keeps", async () => {
    await site.json("pin", "@1", "--note", "audit");
    const copy = join(site.folder, "copy");
    await site.json("backup", copy);
    await site.run(["--data", copy, "prune", "--grace", "0", "--free-now"]);
    const { stdout } = await site.run(["--data", copy, "pins", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject([{ pin: "@1", note: "audit", inUse: true }]);
    expect((await site.run(["--data", copy, "verify"])).status).toBe(0);
  });

  it("keeps remove from taking the image", async () => {
    await site.json("pin", "tiny/1");
    const { status, stderr } = await site.run(["remove", "tiny/1"]);
    expect(status).toBe(1);
    expect(stderr).toContain(`headwater unpin ${PRODUCT}@${versionOf(3)}`);
  });
});

describe("headwater usage", () => {
  interface Usage {
    readonly rows: readonly { name: string; bytes: number; unique: number }[];
    readonly shared: number;
    readonly lists: number;
    readonly otherFiles: number;
    readonly pinnedGenerations: number;
    readonly olderGenerations: number;
    readonly unnamed: number;
    readonly trash: number;
    readonly total: number;
  }

  it("adds up to what is on the disk, whatever it is told by", async () => {
    configure("retention: {versions: 1}\n");
    await site.json("add", ...(await site.files("other")), "--os", "other");
    // The same root with other metadata: shared.
    const [, root] = await site.files("other");
    const [metadata] = await site.files("third", { name: "third" });
    await site.json("add", metadata, root, "--os", "third");
    await site.json("pin", "@1");
    await site.json("prune", "--grace", "0");
    await site.json("add", ...(await site.files("again")), "--version", versionOf(7));
    for (const by of USAGE_KEYS) {
      const usage = (await site.json("usage", "--by", by)) as Usage;
      expect(usage.total).toBe(bytesBelow("blobs", "trash"));
      const { rows, total, ...parts } = usage;
      const { by: _by, ...besides } = parts as typeof parts & { by: string };
      const sum = [...rows.map(({ unique }) => unique), ...Object.values(besides)].reduce((a, b) => a + b, 0);
      expect(sum).toBe(total);
      for (const row of rows) expect(row.unique).toBeLessThanOrEqual(row.bytes);
    }
    const byOs = (await site.json("usage", "--by", "os")) as Usage;
    expect(byOs.rows.map(({ name }) => name).sort()).toEqual(["Tiny", "other", "third"]);
    expect(byOs.shared).toBeGreaterThan(0);
    expect(byOs.trash).toBeGreaterThan(0);
    expect(byOs.pinnedGenerations).toBeGreaterThan(0);
  });

  it("is read by people", async () => {
    const { stdout } = await site.run(["usage"]);
    expect(stdout).toMatch(/\| images +\| +3 \| +3 \| .*iB \| .*iB \|/);
    expect(stdout).toMatch(/iB {2}in all\n$/);
    expect((await site.run(["usage", "--by", "colour"])).status).toBe(2);
  });
});
