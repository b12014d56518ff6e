import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { Build } from "../../src/intake/build.ts";
import { fingerprintsOfBuild } from "../../src/intake/build.ts";
import { listBuild } from "../../src/intake/list-build.ts";
import { Listing } from "../../src/intake/listing.ts";
import { publish } from "../../src/publish/publish.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { withOwnStream } from "../../src/views/image-stream.ts";
import { someBuild } from "../intake/some-build.ts";
import { type Answer, ask } from "./ask.ts";
import { type Site, sha256, someBytes, startSite, until } from "./site.ts";

const sites: Site[] = [];
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()));
});

const META = someBytes(700, 3);
const ROOT = someBytes(900_000, 7);
const UNIFIED = someBytes(300_000, 9);
const SPLIT_FINGERPRINT = sha256(Buffer.concat([META, ROOT]));
const INCUS = { "User-Agent": "Incus 6.0.4 (Linux; x86_64; 6.1.0; Debian GNU/Linux; 12)" };

/** Lists builds whose blobs are these. */
async function list(store: Store, builds: readonly Build[], ...blobs: readonly Uint8Array[]): Promise<void> {
  const writer = await store.writer("test");
  for (const bytes of blobs) await writer.put(bytes);
  await publish(store, writer, (streams) => ({
    reason: { verb: "add", text: "a test" },
    streams: withOwnStream(streams, (products) => {
      const listing = new Listing(products);
      for (const build of builds) listBuild(listing, build, { now: new Date(0), from: "person" });
      return listing.file;
    }),
  }));
  await writer.close();
}

const split: Build = someBuild("split", {
  files: {
    kind: "split",
    metadata: { sha256: sha256(META), size: META.byteLength, extension: "tar.xz" },
    roots: [
      {
        sha256: sha256(ROOT),
        size: ROOT.byteLength,
        extension: "squashfs",
        ftype: "squashfs",
        fingerprint: SPLIT_FINGERPRINT,
      },
    ],
  },
});
const unified: Build = someBuild("unified", {
  names: { os: "ours", release: "1", variant: "default", arch: "arm64" },
  aliases: ["team/web"],
  files: {
    kind: "unified",
    image: { sha256: sha256(UNIFIED), size: UNIFIED.byteLength, extension: "tar.gz" },
  },
});

async function site(): Promise<{
  readonly store: Store;
  get: (path: string, more?: object) => Promise<Answer>;
}> {
  const store = createMemoryStore();
  const started = await startSite({ store });
  sites.push(started);
  const { port, ca, server } = started;
  await list(store, [split, unified], META, ROOT, UNIFIED);
  await until(() => server.counters.generation === 1);
  return { store, get: (path, more = {}) => ask(path, { port, ca, headers: INCUS, ...more }) };
}

function metadataOf(answer: Answer): unknown {
  const body = JSON.parse(answer.body.toString()) as { type: string; status_code: number; metadata: unknown };
  expect([answer.status, body.type, body.status_code]).toEqual([200, "sync", 200]);
  return body.metadata;
}

describe("the image API", () => {
  it("says that it is public, and nothing about this machine, also while nothing is published", async () => {
    const empty = await startSite();
    sites.push(empty);
    for (const path of ["/1.0", "/1.0/", "/1.0?project=default"]) {
      const answer = await ask(path, { port: empty.port, ca: empty.ca });
      expect(metadataOf(answer)).toEqual({
        api_extensions: [],
        api_status: "stable",
        api_version: "1.0",
        auth: "untrusted",
        public: true,
        auth_methods: [],
      });
    }
    const images = await ask("/1.0/images?recursion=1", { port: empty.port, ca: empty.ca });
    expect([images.status, JSON.parse(images.body.toString())]).toMatchObject([503, { type: "error" }]);
  });

  it("lists images and aliases, with and without what they are, gzipped for those who take it", async () => {
    const { get } = await site();
    expect(metadataOf(await get("/1.0/images"))).toEqual(
      [SPLIT_FINGERPRINT, sha256(UNIFIED)].map((fingerprint) => `/1.0/images/${fingerprint}`),
    );
    const plain = await get("/1.0/images?recursion=1&filter=");
    expect(metadataOf(plain)).toMatchObject([
      { fingerprint: SPLIT_FINGERPRINT, public: true },
      { architecture: "aarch64" },
    ]);
    const zipped = await get("/1.0/images?recursion=1", { headers: { ...INCUS, "Accept-Encoding": "gzip" } });
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(zipped.body)).toEqual(plain.body);
    expect(metadataOf(await get("/1.0/images/aliases"))).toContain("/1.0/images/aliases/team%2Fweb");
    expect(metadataOf(await get("/1.0/images/aliases?recursion=1"))).toContainEqual({
      name: "team/web",
      target: sha256(UNIFIED),
      type: "container",
      description: expect.any(String),
    });
  });

  it("finds an alias however its slash is written, and an image by the beginning of its fingerprint", async () => {
    const { get } = await site();
    for (const name of ["team%2Fweb", "team/web", "team%2fweb?project=default"]) {
      expect(metadataOf(await get(`/1.0/images/aliases/${name}`))).toMatchObject({ target: sha256(UNIFIED) });
    }
    const found = metadataOf(await get(`/1.0/images/${SPLIT_FINGERPRINT.slice(0, 9)}`)) as {
      aliases: { name: string }[];
    };
    expect(found.aliases.map(({ name }) => name)).toEqual([
      "debian/12",
      "debian/12/amd64",
      "debian/12/default",
      "debian/12/default/amd64",
      "debian/bookworm",
      "debian/bookworm/amd64",
      "debian/bookworm/default",
      "debian/bookworm/default/amd64",
    ]);
  });

  it("has what was published a moment ago, before the server looks by itself", async () => {
    const store = createMemoryStore();
    const started = await startSite({ store, pollMs: 3_600_000 });
    sites.push(started);
    const { port, ca } = started;
    const target = async (name: string): Promise<number> =>
      (await ask(`/1.0/images/aliases/${name}`, { port, ca, headers: INCUS })).status;
    expect(await target("debian%2F12")).toBe(503);
    await list(store, [split], META, ROOT);
    expect(await target("debian%2F12")).toBe(200);
    await list(store, [unified], UNIFIED);
    expect(await target("team%2Fweb")).toBe(200);
    expect((await ask(`/1.0/images/${sha256(UNIFIED)}`, { port, ca })).status).toBe(200);
    expect(await target("nothing")).toBe(404);
  });

  it("goes by the architecture that the client says it has", async () => {
    const { store, get } = await site();
    const arm = someBuild("arm", {
      names: { os: "debian", release: "12", variant: "default", arch: "arm64" },
    });
    const { files } = arm;
    if (files.kind !== "split") throw new Error("not split");
    const blobs = [Buffer.from("metadata"), Buffer.from("root")] as const;
    const [metadata, root] = blobs.map((bytes) => ({ sha256: sha256(bytes), size: bytes.byteLength }));
    const placed: Build = {
      ...arm,
      files: {
        kind: "split",
        metadata: { ...files.metadata, ...metadata },
        roots: files.roots.map((one) => Object.assign({}, one, root)),
      },
    };
    await list(store, [placed], ...blobs);
    const target = async (agent: string): Promise<unknown> => {
      const answer = await get("/1.0/images/aliases/debian%2F12", { headers: { "User-Agent": agent } });
      return (metadataOf(answer) as { target: string }).target;
    };
    const [fingerprint] = fingerprintsOfBuild(placed);
    await expect.poll(() => target("LXD 5.0.2 (Linux; aarch64; 6.1; Ubuntu; 24.04)")).toBe(fingerprint);
    expect(await target(INCUS["User-Agent"])).toBe(SPLIT_FINGERPRINT);
    for (const agent of ["", "curl/8", "Incus (", "LXD 6 (Linux; pdp11; 1)"]) {
      expect([SPLIT_FINGERPRINT, fingerprint]).toContain(await target(agent));
    }
  });

  it("exports a unified image as its file, and a split one as a form of metadata and root", async () => {
    const { get } = await site();
    const file = await get(`/1.0/images/${sha256(UNIFIED)}/export`);
    expect(file.body.equals(UNIFIED)).toBe(true);
    expect(file.headers["content-disposition"]).toBe(`inline; filename="${sha256(UNIFIED)}.tar.gz"`);
    const form = await get(`/1.0/images/${SPLIT_FINGERPRINT.slice(0, 12)}/export?secret=`);
    expect(form.headers["content-length"]).toBe(String(form.body.byteLength));
    const boundary =
      /^multipart\/form-data; boundary=(\S{1,70})$/.exec(form.headers["content-type"] ?? "")?.[1] ?? "";
    const text = form.body.toString("latin1");
    const parts = text.split(`--${boundary}`).slice(1, -1);
    expect(parts.map((part) => /name="([^"]+)"; filename="([^"]+)"/.exec(part)?.slice(1))).toEqual([
      ["metadata", `meta-${SPLIT_FINGERPRINT}.tar.xz`],
      ["rootfs", `${SPLIT_FINGERPRINT}.squashfs`],
    ]);
    const bodies = parts.map((part) => Buffer.from(part.slice(part.indexOf("\r\n\r\n") + 4, -2), "latin1"));
    expect(sha256(Buffer.concat(bodies))).toBe(SPLIT_FINGERPRINT);
    expect(text.endsWith(`--${boundary}--\r\n`)).toBe(true);
    const head = await get(`/1.0/images/${SPLIT_FINGERPRINT}/export`, { method: "HEAD" });
    expect([head.status, head.headers["content-length"]]).toEqual([200, form.headers["content-length"]]);
  });

  it.each([
    ["GET", "/1.0/images/aliases/nothing%2Fhere", 404],
    ["GET", `/1.0/images/${"0".repeat(64)}`, 404],
    ["GET", "/1.0/images/not-a-fingerprint", 404],
    ["GET", "/1.0/images/%2e%2e/%2e%2e/etc", 404],
    ["GET", "/1.0/images/aliases/%ff%zz", 404],
    ["GET", `/1.0/images/${SPLIT_FINGERPRINT}/export/more`, 404],
    ["GET", `/1.0/images/${SPLIT_FINGERPRINT}/refresh`, 404],
    ["GET", "/1.0/instances", 403],
    ["GET", "/1.0/events", 403],
    ["POST", "/1.0/images", 403],
    ["POST", `/1.0/images/${SPLIT_FINGERPRINT}/secret`, 403],
    ["DELETE", `/1.0/images/${SPLIT_FINGERPRINT}`, 403],
    ["PUT", "/1.0", 403],
  ])("refuses %s %s with %i, in the words of a daemon", async (method, path, status) => {
    const { get } = await site();
    const answer = await get(path, { method, ...(method === "GET" ? {} : { body: "{}" }) });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      type: "error",
      error: expect.stringMatching(/./),
      error_code: status,
    });
  });

  it("does not choose between two images whose fingerprints begin alike", async () => {
    const { store, get } = await site();
    const builds = Array.from({ length: 17 }, (_none, at) => {
      const bytes = Buffer.from(`image ${at}`);
      const files = {
        kind: "unified",
        image: { sha256: sha256(bytes), size: bytes.byteLength, extension: "tar" },
      } as const;
      return {
        bytes,
        build: someBuild(`${at}`, {
          names: { os: "ours", release: `${at}`, variant: "default", arch: "amd64" },
          files,
        }),
      };
    });
    await list(
      store,
      builds.map(({ build }) => build),
      ...builds.map(({ bytes }) => bytes),
    );
    await expect.poll(async () => (metadataOf(await get("/1.0/images")) as unknown[]).length).toBe(19);
    const statuses = await Promise.all(
      Array.from("0123456789abcdef", async (digit) => (await get(`/1.0/images/${digit}`)).status),
    );
    expect(statuses).toContain(400);
  });

  it("answers over plain HTTP only behind a proxy", async () => {
    const store = createMemoryStore();
    const started = await startSite({ store });
    sites.push(started);
    const { port, proxied } = started;
    expect((await ask("/1.0", { port: proxied })).status).toBe(200);
    expect([308, 403]).toContain((await ask("/1.0", { port })).status);
  });

  it("says that bytes are missing here instead of cutting an export", async () => {
    const { store, get } = await site();
    await store.quarantine(sha256(ROOT));
    const answer = await get(`/1.0/images/${SPLIT_FINGERPRINT}/export`);
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([503, { type: "error" }]);
  });
});
