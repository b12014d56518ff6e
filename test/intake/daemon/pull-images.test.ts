import { afterEach, describe, expect, it } from "vitest";
import { HeadwaterError } from "../../../src/error.ts";
import { chooseImages } from "../../../src/intake/daemon/choose-images.ts";
import type { Daemon } from "../../../src/intake/daemon/daemon.ts";
import { type PullOptions, type PullReport, pullImages } from "../../../src/intake/daemon/pull-images.ts";
import { readStreams } from "../../../src/publish/read-streams.ts";
import { readDocument } from "../../../src/store/documents.ts";
import { itemsOf } from "../../../src/store/items.ts";
import { createMemoryStore } from "../../../src/store/memory/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { imageRows } from "../../../src/views/image-rows.ts";
import { failureOf } from "../../upstream/failure.ts";
import type { Handler } from "./fake-daemon.ts";
import { FakeDaemon, type FakeImage, fakeImage, refuse, sendExport, sync } from "./fake-daemon.ts";

const daemons: FakeDaemon[] = [];
const open: Daemon[] = [];
async function start(...images: readonly FakeImage[]): Promise<FakeDaemon> {
  const daemon = await FakeDaemon.start(...images);
  daemons.push(daemon);
  return daemon;
}
afterEach(async () => {
  for (const daemon of open.splice(0)) daemon.close();
  for (const daemon of daemons.splice(0)) await daemon.remove();
});

const ALL = { words: [], all: true, publicOnly: false, cached: false };

async function pullAll(
  from: FakeDaemon,
  store: Store,
  options: Partial<PullOptions> & { readonly cached?: boolean } = {},
): Promise<PullReport> {
  const daemon = await from.connect();
  open.push(daemon);
  const images = await chooseImages(daemon, { ...ALL, cached: options.cached === true });
  return pullImages(images, { store, daemon, wishes: {}, ...options });
}

async function rowsOf(store: Store) {
  return imageRows(await readStreams(store, await store.newest()));
}

async function mergedRoot(store: Store): Promise<string> {
  const generation = await store.newest();
  const record = generation?.documents["streams/v1/images.json"];
  return record === undefined ? "" : Buffer.from(await readDocument(store, record)).toString();
}

describe("pulling images", () => {
  it("takes split and unified ones, with their bytes, names and origin, and nothing twice", async () => {
    const store = createMemoryStore();
    const images = [fakeImage("web-base"), fakeImage("db-base", { isSplit: true })];
    const daemon = await start(...images);
    const report = await pullAll(daemon, store);
    expect(report.taken.map(({ listed }) => listed.product)).toEqual([
      "debian:bookworm:web-base:amd64",
      "debian:bookworm:db-base:amd64",
    ]);
    expect(report.generation?.number).toBe(1);
    const rows = await rowsOf(store);
    expect(rows.map(({ fingerprint, root, version }) => [fingerprint, root, version])).toEqual([
      [images[0]?.fingerprint, "unified", "20261120_1011"],
      [images[1]?.fingerprint, "squashfs", "20261120_1011"],
    ]);
    expect(rows[0]).toMatchObject({
      aliases: ["debian/12/web-base", "debian/bookworm/web-base", "web-base"],
      daemon: { daemon: "incus", server: "build1", fingerprint: images[0]?.fingerprint },
    });
    const generation = await store.newest();
    if (generation === undefined) throw new Error("nothing was published");
    for (const { sha256, size } of (await itemsOf(store, generation)).values()) {
      expect(await store.sizeOf(sha256)).toBe(size);
    }
    const again = await pullAll(daemon, store);
    expect([again.taken, again.known.length, again.generation]).toEqual([[], 2, undefined]);
    expect(daemon.asked.filter((path) => path.endsWith("/export"))).toHaveLength(2);
  });

  const form =
    (body: string, type = "multipart/form-data; boundary=edge") =>
    (): Handler =>
    (_request, response) => {
      response.setHeader("Content-Type", type);
      response.end(body);
    };
  const part = (name: string): string =>
    `--edge\r\nContent-Disposition: form-data; name="${name}"; filename="x"\r\n\r\n`;

  it.each<[string, (image: FakeImage) => Handler]>([
    ["ends early", (image) => (_request, response) => sendExport(response, image, 0.5)],
    [
      "is another image",
      (image) => (_request, response) => sendExport(response, { ...image, root: Buffer.from("hsqs other") }),
    ],
    ["is refused", () => (_request, response) => refuse(response, 500, "disk on fire")],
    ["has its parts in the wrong order", form(`${part("rootfs")}bytes\r\n--edge--\r\n`)],
    ["has a part too many", form(`${part("metadata")}a\r\n${part("metadata")}b\r\n--edge--\r\n`)],
    ["is a form without an end", form(`${part("metadata")}by`)],
    ["has an empty form", form("--edge--\r\n")],
    ["has no boundary", form("bytes", "multipart/form-data")],
    ["is nothing", form("", "application/octet-stream")],
    ["breaks off as it begins", (image) => (_request, response) => sendExport(response, image, 0.0001)],
    [
      "has a disk where it says container",
      (image) => (_request, response) =>
        sendExport(response, {
          ...image,
          metadata: Buffer.from("m"),
          root: Buffer.from("QFI\u00fb disk", "latin1"),
        }),
    ],
    [
      "has no end",
      () => (_request, response) => {
        const piece = Buffer.alloc(65_536);
        const more = (): void => {
          while (!response.destroyed && response.write(piece));
        };
        response.on("drain", more);
        more();
      },
    ],
  ])(
    "leaves out an image whose export %s, takes the others, and takes it when it is right",
    async (_what, wrong) => {
      for (const isSplit of [false, true]) {
        const store = createMemoryStore();
        const bad = fakeImage("bad", { isSplit });
        const daemon = await start(bad, fakeImage("good"));
        daemon.instead.set(`/1.0/images/${bad.fingerprint}/export`, wrong(bad));
        const report = await pullAll(daemon, store);
        expect(report.left.map(({ image }) => image.fingerprint)).toEqual([bad.fingerprint]);
        expect((await rowsOf(store)).map(({ variant }) => variant)).toEqual(["good"]);
        daemon.instead.clear();
        expect((await pullAll(daemon, store)).taken.map(({ image }) => image.fingerprint)).toEqual([
          bad.fingerprint,
        ]);
      }
    },
  );

  it("keeps what came whole when the daemon goes away, and says so", async () => {
    const store = createMemoryStore();
    const images = ["a", "b", "c"].map((seed) => fakeImage(seed));
    const daemon = await start(...images);
    daemon.instead.set(`/1.0/images/${images[1]?.fingerprint ?? ""}/export`, (_request, response) => {
      response.destroy();
      void daemon.stop();
    });
    const failure = await failureOf(pullAll(daemon, store));
    expect(failure.code).toBe("DAEMON_UNREACHABLE");
    expect((await rowsOf(store)).map(({ variant }) => variant)).toEqual(["a"]);
    daemon.instead.clear();
    await daemon.start();
    expect((await pullAll(daemon, store)).taken).toHaveLength(2);
  });

  it("lists an image of two daemons once", async () => {
    const store = createMemoryStore();
    const [one, other] = [
      await start(fakeImage("same")),
      await start(fakeImage("same", { aliases: ["otherwise"] })),
    ];
    other.name = "build2";
    await pullAll(one, store);
    const report = await pullAll(other, store);
    expect([report.taken, report.known.length]).toEqual([[], 1]);
    expect(await rowsOf(store)).toHaveLength(1);
    // The name that another daemon has for it is no news about the one that it came from.
    expect(report.aliases).toEqual([]);
  });

  it("takes 500 images in few generations", async () => {
    const store = createMemoryStore();
    const daemon = await start(...Array.from({ length: 500 }, (_none, at) => fakeImage(`image-${at}`)));
    const report = await pullAll(daemon, store);
    expect(report.taken).toHaveLength(500);
    expect(await rowsOf(store)).toHaveLength(500);
    expect((await store.newest())?.number).toBeLessThan(20);
  });

  it("lets an alias follow on its daemon's products, and leaves one that was given here", async () => {
    const store = createMemoryStore();
    const [first, second] = [fakeImage("first", { aliases: ["first", "stable"] }), fakeImage("second")];
    const daemon = await start(first, second);
    await pullAll(daemon, store);
    const moved = fakeImage("first", { aliases: ["first"] });
    daemon.images = [moved, fakeImage("second", { aliases: ["second", "stable"] })];
    const report = await pullAll(daemon, store);
    expect(report.aliases).toEqual([
      { alias: "stable", product: "debian:bookworm:second:amd64", from: "debian:bookworm:first:amd64" },
    ]);
    const rows = await rowsOf(store);
    expect(rows.find(({ variant }) => variant === "second")?.aliases).toContain("stable");
    expect(rows.find(({ variant }) => variant === "first")?.aliases).not.toContain("stable");
    // Another daemon with the same alias does not get it.
    const other = await start(
      fakeImage("third", { aliases: ["third", "stable"], properties: { os: "Alpine", release: "3.20" } }),
    );
    other.name = "build2";
    const clash = await pullAll(other, store);
    expect(clash.taken[0]?.listed.notes).toContain(
      'The alias "stable" stays with debian:bookworm:second:amd64.',
    );
  });

  it("gives an image from an upstream no standard alias, and one that was only cached none at all", async () => {
    const store = createMemoryStore();
    const upstream = {
      update_source: { server: "https://images.example", alias: "debian/12", protocol: "simplestreams" },
    };
    const daemon = await start(
      fakeImage("copied", { aliases: ["mine"], fields: upstream }),
      fakeImage("cached", {
        aliases: ["debian/12"],
        fields: { ...upstream, cached: true },
        properties: { os: "Alpine", release: "3.20" },
      }),
    );
    expect((await pullAll(daemon, store)).taken.map(({ listed }) => listed.aliases)).toEqual([["mine"]]);
    const { taken } = await pullAll(daemon, store, { cached: true });
    expect(taken.map(({ listed }) => [listed.product, listed.version, listed.aliases])).toEqual([
      ["alpine:3.20:default:amd64", "20261120_1011", []],
    ]);
    const rows = await rowsOf(store);
    // The serial of an image from an upstream is its version there.
    expect(rows.find(({ os }) => os === "Debian")).toMatchObject({
      version: "20260101_0524",
      variant: "default",
    });
    expect(rows[0]?.daemon?.upstream).toEqual({ server: "https://images.example", alias: "debian/12" });
  });

  it("does not make somebody else's image the newest version of what is made here", async () => {
    const store = createMemoryStore();
    const upstream = { update_source: { server: "https://images.example", alias: "debian/12" } };
    const daemon = await start(
      fakeImage("own", { aliases: ["debian/12"] }),
      fakeImage("theirs", { aliases: [], fields: upstream }),
    );
    const { taken, left } = await pullAll(daemon, store);
    expect(taken.map(({ listed }) => listed.product)).toEqual(["debian:bookworm:default:amd64"]);
    expect(left.map(({ reason }) => reason)).toEqual([
      expect.stringContaining("comes from https://images.example"),
    ]);
  });

  it("does not take an upstream's name for an image that was made here under an alias of a copy of it", async () => {
    const store = createMemoryStore();
    const upstream = { update_source: { server: "https://images.example", alias: "debian/12" } };
    const daemon = await start(fakeImage("copy", { aliases: ["deb12"], fields: upstream }));
    await pullAll(daemon, store);
    daemon.images = [fakeImage("made", { aliases: ["deb12"] })];
    const { taken } = await pullAll(daemon, store);
    expect(taken[0]?.listed).toMatchObject({
      product: "debian:bookworm:deb12:amd64",
      aliases: expect.arrayContaining(["deb12"]),
    });
    expect(taken[0]?.listed.aliases).not.toContain("debian/12");
    expect((await rowsOf(store)).find(({ variant }) => variant === "default")?.aliases).toEqual([]);
  });

  it("serves nothing of what the daemon is called and where it has its images from", async () => {
    const store = createMemoryStore();
    const upstream = { update_source: { server: "https://secret.example", alias: "debian/12" } };
    const daemon = await start(
      fakeImage("web"),
      fakeImage("copy", { properties: { os: "A", release: "1" }, fields: upstream }),
    );
    await pullAll(daemon, store);
    const generation = await store.newest();
    for (const record of Object.values(generation?.documents ?? {})) {
      const text = Buffer.from(await readDocument(store, record)).toString();
      expect(text).not.toMatch(/secret\.example|build1|unix\.socket|origin/);
    }
    // And yet it is known, and stays known when others publish.
    expect((await rowsOf(store)).map(({ daemon: from }) => from?.server)).toEqual(["build1", "build1"]);
    daemon.images.push(fakeImage("more"));
    await pullAll(daemon, store);
    expect((await rowsOf(store)).map(({ daemon: from }) => from?.upstream?.server)).toContain(
      "https://secret.example",
    );
  });

  it("says what it would take, and takes nothing", async () => {
    const store = createMemoryStore();
    const daemon = await start(fakeImage("web-base"));
    const report = await pullAll(daemon, store, { dryRun: true });
    expect(report.taken[0]?.listed).toMatchObject({
      product: "debian:bookworm:web-base:amd64",
      status: "added",
    });
    expect(await store.newest()).toBeUndefined();
    expect(daemon.asked.some((path) => path.endsWith("/export"))).toBe(false);
    expect(await mergedRoot(store)).toBe("");
  });

  it("does not take what is no list of images for one", async () => {
    const daemon = await start();
    for (const answer of [
      { not: "a list" },
      [{ fingerprint: "../../etc/passwd", architecture: "x86_64" }],
      "text",
    ]) {
      daemon.instead.set("/1.0/images", (_request, response) => sync(response, answer));
      expect((await failureOf(pullAll(daemon, createMemoryStore()))).code).toBe("DAEMON_WRONG");
    }
    daemon.instead.set("/1.0/images", (_request, response) => void response.end("<html>"));
    expect((await failureOf(pullAll(daemon, createMemoryStore()))).code).toBe("DAEMON_WRONG");
  });

  it("believes no daemon that tells of another image than it was asked for", async () => {
    const asked = "a".repeat(64);
    const daemon = await start(fakeImage("other"));
    const told = { fingerprint: fakeImage("other").fingerprint, ...fakeImage("other").fields };
    daemon.instead.set(`/1.0/images/${asked}`, (_request, response) => sync(response, told));
    daemon.instead.set("/1.0/images/aliases/x", (_request, response) =>
      sync(response, { target: "../secret" }),
    );
    const connected = await daemon.connect();
    open.push(connected);
    for (const word of [asked, "x"]) {
      const chosen = chooseImages(connected, { ...ALL, all: false, words: [word] });
      expect((await failureOf(chosen)).code, word).toBe("DAEMON_WRONG");
    }
  });

  it("does not wait for an answer that changes the protocol", async () => {
    const daemon = await start();
    daemon.instead.set("/1.0/images", (_request, response) => {
      response.socket?.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    });
    expect((await failureOf(pullAll(daemon, createMemoryStore()))).code).toMatch(/^DAEMON_/);
  });

  it("stops when it is told to, with nothing half done", async () => {
    const store = createMemoryStore();
    const image = fakeImage("slow");
    const daemon = await start(image);
    const stop = new AbortController();
    daemon.instead.set(`/1.0/images/${image.fingerprint}/export`, (_request, response) => {
      response.write("begin");
      setTimeout(() => stop.abort("SIGINT"), 20);
    });
    await expect(pullAll(daemon, store, { signal: stop.signal })).rejects.not.toBeInstanceOf(HeadwaterError);
    expect(await store.newest()).toBeUndefined();
  });
});

describe("choosing images", () => {
  it("goes by alias, beginning of a fingerprint and property, and says what there is not", async () => {
    const images = [
      fakeImage("web-base", { fields: { public: true } }),
      fakeImage("alpine", { properties: { os: "Alpine", release: "3.20" } }),
      fakeImage("cached", { fields: { cached: true } }),
    ];
    const daemon = await (await start(...images)).connect();
    open.push(daemon);
    const choose = async (words: readonly string[], more: object = {}): Promise<string[]> =>
      (await chooseImages(daemon, { ...ALL, all: false, words, ...more })).flatMap(({ aliases }) => aliases);
    expect(await choose(["web-base"])).toEqual(["web-base"]);
    expect(await choose([images[1]?.fingerprint.slice(0, 10) ?? ""])).toEqual(["alpine"]);
    expect(await choose(["os=alpine"])).toEqual(["alpine"]);
    expect(await choose(["cached"])).toEqual(["cached"]);
    expect(await choose([], { all: true })).toEqual(["web-base", "alpine"]);
    expect(await choose([], { all: true, cached: true, publicOnly: true })).toEqual(["web-base"]);
    for (const word of ["nothing", "os=Plan9", "f".repeat(64)]) {
      expect((await failureOf(choose([word]))).code, word).toBe("NOT_FOUND");
    }
  });
});
