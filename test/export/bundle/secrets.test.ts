import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../../src/compose.ts";
import { publish } from "../../../src/publish/publish.ts";
import type { ImageStream } from "../../../src/views/image-stream.ts";
import { carryOut, listOf } from "../../bundle/carry.ts";
import { type Site, temporarySite } from "../../cli/site.ts";
import { sync, tinyUpstream } from "../../intake/sync/tiny-upstream.ts";
import { startSite } from "../../upstream/hostile-site.ts";

/** What must never be in a bundle; each is planted where the program keeps such things. */
const SECRET = "s3cr3t-7f1c";

let site: Site;

beforeEach(async () => {
  site = await temporarySite();
  await site.json("add", ...(await site.files("a")));
});
afterEach(() => site.remove());

/** What a daemon is called, and where it was reached, as `pull` notes it. */
async function plantOrigin(): Promise<void> {
  const store = await openStore(site.data);
  const writer = await store.writer("test");
  const origin = {
    daemon: "incus",
    server: `host-${SECRET}`,
    source: `https://daemon-${SECRET}:8443`,
    fingerprint: "0".repeat(64),
    pulled_at: "2026-11-25T00:00:00Z",
    upstream: { server: `https://upstream-${SECRET}`, alias: "x" },
  };
  const withOrigin = (stream: ImageStream): ImageStream => ({
    ...stream,
    products: {
      ...stream.products,
      products: new Map(
        [...stream.products.products].map(([key, product]) => [
          key,
          {
            ...product,
            versions: new Map([...product.versions].map(([name, version]) => [name, { ...version, origin }])),
          },
        ]),
      ),
    },
  });
  await publish(store, writer, (streams) => ({
    reason: { verb: "test", text: `from ${SECRET}` },
    streams: streams.map(withOrigin),
  }));
  await writer.close();
}

describe("a bundle", () => {
  it("holds no password, no key, and nothing of the daemons and the private upstreams of its store", async () => {
    const prefix = `private-${SECRET}`;
    const files = [...tinyUpstream([{ version: "20260101_0000" }])];
    const upstream = await startSite({
      files: new Map(files.map(([path, bytes]) => [`${prefix}/${path}`, bytes])),
    });
    const url = `${upstream.url}/${prefix}`;
    await sync(await openStore(site.data), { ...upstream, url }, { isPublic: false });
    await upstream.close();
    await plantOrigin();
    const credentials = `upstreams:\n  up:\n    url: https://images.example\n    credentials: user:${SECRET}\n`;
    writeFileSync(join(site.data, "headwater.yaml"), credentials);
    for (const folder of ["tls", "keys"]) {
      mkdirSync(join(site.data, folder), { recursive: true });
      writeFileSync(join(site.data, folder, "other.pem"), `PRIVATE KEY ${SECRET}`);
    }
    mkdirSync(join(site.data, "state"), { recursive: true });
    writeFileSync(join(site.data, "state", "note"), SECRET);
    const { stdout: made } = await site.run(["key", "new"]);
    expect(made).not.toBe("");
    const file = join(site.folder, "site.hwb");
    await carryOut(site.data, file, {
      signer: (await openStore(site.data, { gpg: undefined, passphrase: async () => undefined })).signer,
    });

    const bytes = readFileSync(file);
    for (const word of [SECRET, "PRIVATE KEY", site.data, upstream.url, "pulled_at"]) {
      expect([word, bytes.includes(word)]).toEqual([word, false]);
    }
    // Nor inside anything that is compressed.
    const tree = join(site.folder, "tree");
    mkdirSync(tree);
    execFileSync("tar", ["xf", file, "-C", tree]);
    const found = execFileSync("sh", ["-c", `find . -type f -exec zgrep -l -e '${SECRET}' {} + || true`], {
      cwd: tree,
      encoding: "utf8",
    });
    expect(found).toBe("");
    const { streams } = await listOf(file);
    expect(streams.map(({ name, url, isPublic }) => [name, url, isPublic])).toEqual([
      ["images", null, false],
      ["up", null, false],
    ]);
  });
});
