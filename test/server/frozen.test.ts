import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { Generation } from "../../src/store/generation.ts";
import { generationOfDay } from "../../src/store/generation-of-day.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { prune } from "../../src/store/prune.ts";
import type { Store } from "../../src/store/store.ts";
import { publishStreams } from "../store/tiny-caches.ts";
import { ask, rawExchange } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, someBytes, startSite, until, watchBlobs } from "./site.ts";

const OLD = someBytes(50_000, 1);
const NEW = someBytes(60_000, 2);
const INDEX = "streams/v1/index.json";
const FOR_AN_HOUR = "public, max-age=3600, immutable";

const sites: Site[] = [];
async function start(
  options: Parameters<typeof startSite>[0] = {},
): Promise<Site & { readonly store: Store }> {
  const site = await startSite(options);
  sites.push(site);
  return site;
}
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()));
});

/** The same store with generations made at these times, the first one at the first. */
function madeAt(store: Store, times: readonly string[]): Store {
  const dated = (generation: Generation | undefined): Generation | undefined =>
    generation && { ...generation, createdAt: times[generation.number - 1] ?? generation.createdAt };
  return new Proxy(store, {
    get(target, key) {
      if (key === "newest") return async () => dated(await target.newest());
      if (key === "generation") return async (number: number) => dated(await target.generation(number));
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a frozen remote", () => {
  it("has the roots, the files, the tags and the forms that the generation had while it was the newest", async () => {
    const { store, server, port, ca } = await start();
    await publish(store, { "v/old": OLD });
    await until(() => server.counters.generation === 1);
    const paths = [INDEX, "streams/v1/images.json", `images/${INDEX}`, "images/streams/v1/images.json"];
    // LXC joins its server's name and what follows with two slashes.
    const all = [
      ...paths,
      "meta/1.0/index-system",
      "/meta/1.0/index-system",
      "images/v/old",
      "/images/v/old",
    ];
    const forms = [
      { method: "GET", headers: {} },
      { method: "GET", headers: { "Accept-Encoding": "gzip" } },
      { method: "HEAD", headers: {} },
      { method: "HEAD", headers: { "Accept-Encoding": "gzip" } },
      { method: "GET", headers: { Range: "bytes=10-19" } },
    ];
    const look = async (base: string): Promise<unknown[]> => {
      const answers: unknown[] = [];
      for (const path of all) {
        for (const form of forms) {
          const { status, headers, body } = await ask(`${base}/${path}`, { port, ca, ...form });
          const { date: _date, "cache-control": _cache, "last-modified": _modified, ...rest } = headers;
          answers.push([path, status, rest, body.toString("latin1")]);
        }
      }
      return answers;
    };
    const asNewest = await look("");
    expect(await look("/@1")).toEqual(asNewest);
    for (let number = 2; number <= 11; number++) await publish(store, { "v/new": NEW });
    await until(() => server.counters.generation === 11);
    expect(await look("/@1")).toEqual(asNewest);
    const gzip = { port, ca, headers: { "Accept-Encoding": "gzip" } };
    const zipped = await ask(`/@1/${INDEX}`, gzip);
    const plain = await ask(`/@1/${INDEX}`, { port, ca });
    expect(gunzipSync(zipped.body)).toEqual(plain.body);
    const headers = { "If-None-Match": plain.headers.etag ?? "" };
    expect((await ask(`/@1/${INDEX}`, { port, ca, headers })).status).toBe(304);
  });

  it("may be kept by caches for an hour under its number, unlike the newest", async () => {
    const { store, server, proxied: port } = await start();
    await publish(store, { old: OLD });
    await publish(store, { new: NEW });
    await until(() => server.counters.generation === 2);
    const cacheControl = async (path: string) => (await ask(path, { port })).headers["cache-control"];
    expect(await cacheControl(`/${INDEX}`)).toBe("no-cache");
    expect(await cacheControl(`/@1/${INDEX}`)).toBe(FOR_AN_HOUR);
    expect(await cacheControl(`/@2/${INDEX}`)).toBe(FOR_AN_HOUR);
    expect(await cacheControl(`/@3/${INDEX}`)).toBe("no-store");
  });

  it("under a day may be kept once a later generation shows that the day stays what it is, and is looked for anew until then", async () => {
    const memory = createMemoryStore();
    await publish(memory, { first: someBytes(10, 1) });
    const times = ["2026-01-01T10:00:00.000Z"];
    const { server, proxied: port } = await start({ store: madeAt(memory, times) });
    const look = async (): Promise<unknown[]> => {
      const { headers, body } = await ask("/@2026-01-02/images/streams/v1/images.json", { port });
      return [/"(\w+)":\{"path"/.exec(body.toString())?.[1], headers["cache-control"]];
    };
    expect(await look()).toEqual(["first", "no-cache"]);
    // A writer that took its time just before midnight, and was slow.
    times.push("2026-01-01T23:59:59.999Z");
    await publish(memory, { second: someBytes(10, 2) });
    await until(() => server.counters.generation === 2);
    expect(await look()).toEqual(["second", "no-cache"]);
    times.push("2026-01-02T00:00:00.001Z");
    await publish(memory, { third: someBytes(10, 3) });
    await until(() => server.counters.generation === 3);
    expect(await look()).toEqual(["second", FOR_AN_HOUR]);
  });

  it("that is given up is 410 under its number and its day, with a reason where clients print one", async () => {
    const memory = createMemoryStore();
    await publish(memory, { old: OLD });
    await publish(memory, { new: NEW }, []);
    const store = madeAt(memory, ["2026-01-01T10:00:00.000Z", "2026-01-03T10:00:00.000Z"]);
    const { proxied: port } = await start({ store });
    for (const name of ["1", "2026-01-02", "2026-01-03"]) {
      for (const path of [INDEX, "images/old", ""]) {
        const answer = await ask(`/@${name}/${path}`, { port });
        expect([answer.status, answer.body.toString()]).toEqual([
          410,
          "Generation 1 is no longer kept here.\n",
        ]);
        expect(answer.headers["cache-control"]).toBe("no-store");
      }
    }
    const raw = (path: string) =>
      rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await raw(`/@1/${INDEX}`)).toMatch(
      /^HTTP\/1\.1 410 Gone: Generation 1 is no longer kept here\r\n/,
    );
    expect(await raw(`/@9/${INDEX}`)).toMatch(
      /^HTTP\/1\.1 404 Not Found: There is no generation of that number or day\r\n/,
    );
  });

  it("whose documents went a moment ago is gone, and no failure of the store", async () => {
    const store = createMemoryStore();
    await publish(store, { old: OLD });
    await publish(store, { new: NEW });
    const { server, proxied: port } = await start({ store, pollMs: 3_600_000 });
    await publish(store, { new: NEW }, []);
    await prune(store, { now: Date.now() + 1000, graceMs: 0, freeNow: true });
    expect((await ask(`/@1/${INDEX}`, { port })).status).toBe(410);
    expect(server.counters.failures).toBe(0);
  });

  it("is there at once for whoever has just published it", async () => {
    const store = createMemoryStore();
    await publish(store, { old: OLD });
    const { proxied: port } = await start({ store, pollMs: 3_600_000 });
    expect((await ask("/@2/images/new", { port })).status).toBe(404);
    await publish(store, { new: NEW });
    expect((await ask("/@2/images/new", { port })).status).toBe(200);
  });

  it("has a page of its own, with what to type", async () => {
    const { store, server, proxied: port } = await start();
    await publish(store, { old: OLD });
    await publish(store, { new: NEW });
    await until(() => server.counters.generation === 2);
    for (const path of ["/@1", "/@1/"]) {
      const page = (await ask(path, { port })).body.toString();
      expect(page).toContain("This is generation 1 of it");
      expect(page).toContain(
        "incus remote add frozen https://images.example:8443/@1 --protocol simplestreams",
      );
      expect(page).toContain("lxc remote add frozen https://images.example:8443/@1 --protocol simplestreams");
      expect(page).toContain("https://images.example:8443/ca.pem");
      expect(page).toContain("--template download -- --server images.example:8443/@1\n");
      expect(page).not.toContain("--public");
    }
  });

  it("asks no upstream: a file of a cache is there while it is held, and 410 when not", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [{ name: "up", origin: "cache", lists: ["here", "there"], holds: ["here"] }]);
    const asked: string[] = [];
    const fills = {
      open: async (item: { readonly path: string }) => {
        asked.push(item.path);
        throw new Error("asked");
      },
      used: () => undefined,
      close: async () => undefined,
    };
    const { proxied: port } = await start({ store, fills });
    expect((await ask("/@1/up/here", { port })).body.toString()).toBe("here");
    const there = await ask("/@1/up/there", { port });
    expect([there.status, there.body.toString()]).toEqual([
      410,
      "This file was at an upstream, and is not kept here.\n",
    ]);
    expect(asked).toEqual([]);
  });
});

describe("a frozen remote asked in clear", () => {
  it.each([
    ["upstream", 403, 200],
    ["all", 200, 200],
    ["off", 403, 403],
  ] as const)("with plain %s", async (plain, own, mirrored) => {
    const store = createMemoryStore();
    await publishStreams(store, [
      { name: "images", origin: "own", lists: ["own"] },
      { name: "up", origin: "mirror", lists: ["mirrored"] },
    ]);
    await publishStreams(store, [{ name: "images", origin: "own", lists: ["other"] }]);
    const { port } = await start({ store, plain });
    expect((await ask("/@1/images/own", { port })).status).toBe(own);
    expect((await ask("/@1/up/mirrored", { port })).status).toBe(mirrored);
    for (const path of ["/@1/up/streams/v1/images.json", "/@1/up/nothing", "/@7/up/mirrored"]) {
      const answer = await ask(path, { port });
      expect([answer.status, answer.headers.location]).toEqual([308, `https://images.example:8443${path}`]);
    }
  });

  it("goes by what is said of an image stream now, not by what was said then", async () => {
    const store = createMemoryStore();
    await publishStreams(store, [{ name: "up", origin: "mirror", lists: ["file"] }]);
    await publishStreams(store, [{ name: "up", origin: "own", lists: ["other"] }]);
    const { port } = await start({ store });
    expect((await ask("/@1/up/file", { port })).status).toBe(403);
  });
});

describe("walking through generations", () => {
  it("reads what they share once, and keeps the last three of them", async () => {
    const memory = createMemoryStore();
    for (let number = 1; number <= 8; number++)
      await publish(memory, { [`v${number}`]: someBytes(100, number) });
    const watch = watchBlobs(memory);
    const { proxied: port } = await start({ store: watch.store });
    const opened = async (path: string): Promise<number> => {
      const before = watch.opened;
      expect([path, (await ask(path, { port })).status]).toEqual([path, 200]);
      return watch.opened - before;
    };
    // The index and the index of LXC are the same in all of them; what differs is one document under two paths.
    for (let number = 1; number <= 7; number++) expect(await opened(`/@${number}/${INDEX}`)).toBe(1);
    for (const number of [5, 6, 7, 8]) expect(await opened(`/@${number}/streams/v1/images.json`)).toBe(0);
    expect(watch.open).toBe(0);
  });
});

describe("the generation of a day", () => {
  it("is found as looking at all of them would find it", async () => {
    const start = Date.UTC(2026, 0, 1, 12);
    const HOUR = 3_600_000;
    for (let count = 1; count <= 12; count++) {
      const generations = Array.from({ length: count }, (_, at) => ({
        number: at + 1,
        createdAt: new Date(start + at * 7 * HOUR).toISOString(),
      })) as unknown as Generation[];
      const newest = generations.at(-1);
      if (newest === undefined) throw new Error("none");
      const store = { generation: async (number: number) => generations[number - 1] };
      for (let day = 1; day <= 6; day++) {
        const name = `2026-01-0${day}`;
        const midnight = Date.UTC(2026, 0, day);
        const expected = generations.findLast(({ createdAt }) => Date.parse(createdAt) <= midnight)?.number;
        const found = await generationOfDay(store, newest, { day: name, nowMs: midnight });
        expect([name, count, found?.number]).toEqual([name, count, expected]);
        if (found !== undefined) expect(found.isSettled).toBe(Date.parse(newest.createdAt) > midnight);
        expect(await generationOfDay(store, newest, { day: name, nowMs: midnight - 1 })).toBeUndefined();
      }
    }
  });
});
