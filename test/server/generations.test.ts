import { afterEach, describe, expect, it } from "vitest";
import { commit } from "../../src/store/commit.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Generation } from "../../src/store/generation.ts";
import type { Store } from "../../src/store/store.ts";
import { ask } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, sha256, someBytes, startSite, until } from "./site.ts";

const OLD = someBytes(50_000, 1);
const NEW = someBytes(60_000, 2);

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

/** The same store, telling other things about its generations. */
function withGenerations(store: Store, newest: () => Promise<Generation | undefined>): Store {
  return new Proxy(store, {
    get(target, key) {
      if (key === "newest") return newest;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a new generation", () => {
  it("is served without dropping anyone, and no answer mixes two", async () => {
    const { store, server, port, ca } = await start();
    await publish(store, { "v/0": OLD });
    await until(() => server.counters.generation === 1);
    const over = new AbortController();
    let asked = 0;
    const seen = new Set<string>();
    const client = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const index = await ask("/images/streams/v1/images.json", { port, ca });
        expect(index.status).toBe(200);
        const [path = ""] = index.body.toString().match(/v\/\d+/) ?? [];
        seen.add(path);
        // Whatever was listed can be fetched, also when the list has changed meanwhile.
        const item = await ask(`/images/${path}`, { port, ca });
        expect([path, item.status]).toEqual([path, 200]);
        expect(item.headers.etag).toBe(`"${sha256(item.body)}"`);
        expect(index.body.toString()).toContain(sha256(item.body));
        asked += 1;
      }
    };
    const clients = Promise.all(Array.from({ length: 6 }, client));
    for (let number = 1; number <= 10; number++) {
      await publish(store, { [`v/${number}`]: someBytes(20_000 + number, number) });
      await until(() => server.counters.generation === number + 1);
      const before = asked;
      await until(() => asked >= before + 6);
    }
    over.abort();
    await clients;
    expect(seen.size).toBeGreaterThan(5);
    expect(server.counters.failures).toBe(0);
  });

  it("keeps the items of kept generations, also after a restart, and lets go of the others", async () => {
    const store = createMemoryStore();
    await publish(store, { old: OLD });
    const first = await start({ store });
    await publish(store, { new: NEW });
    await until(() => first.server.counters.generation === 2);
    const restarted = await start({ store });
    for (const { proxied } of [first, restarted]) {
      expect((await ask("/images/old", { port: proxied })).body.equals(OLD)).toBe(true);
      expect((await ask("/images/new", { port: proxied })).body.equals(NEW)).toBe(true);
    }
    await publish(store, { new: NEW }, []);
    for (const { server, proxied } of [first, restarted]) {
      await until(() => server.counters.generation === 3);
      expect((await ask("/images/old", { port: proxied })).status).toBe(404);
      expect((await ask("/images/new", { port: proxied })).status).toBe(200);
    }
  });

  it("reads generations from before its start only when a file is asked for that is nowhere else", async () => {
    const memory = createMemoryStore();
    await publish(memory, { old: OLD });
    for (let number = 2; number <= 5; number++) await publish(memory, { new: NEW });
    let reads = 0;
    const store = new Proxy(memory, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === "generation") {
          return (number: number) => {
            reads += 1;
            return target.generation(number);
          };
        }
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { proxied: port } = await start({ store });
    for (const path of ["/images/new", "/favicon.ico", "/streams/v1/other.json"]) await ask(path, { port });
    const before = reads;
    expect((await ask("/images/old", { port })).status).toBe(200);
    expect(reads).toBeGreaterThan(before);
    const after = reads;
    // All have been looked at: what is nowhere is nowhere, at once.
    expect((await ask("/images/nothing", { port })).status).toBe(404);
    expect((await ask("/images/nothing", { port })).status).toBe(404);
    expect(reads - after).toBeLessThanOrEqual(4);
  });

  it("that cannot be read leaves the one before, and one line in the log", async () => {
    const memory = createMemoryStore();
    await publish(memory, { old: OLD });
    const good = await memory.newest();
    let newest: Generation | undefined = good;
    const store = withGenerations(memory, async () => newest);
    const { server, proxied, log } = await start({ store });
    if (good === undefined) throw new Error("nothing was published");
    newest = {
      ...good,
      id: "broken",
      number: 2,
      documents: {
        ...good.documents,
        "streams/v1/index.json": {
          sha256: "0".repeat(64),
          size: 5,
          encoding: "identity",
          type: "application/json",
        },
      },
    };
    await until(() => log.lines.some(({ level }) => level === "error"));
    for (let look = 0; look < 10; look++) await ask("/healthz", { port: proxied });
    expect(server.counters.generation).toBe(1);
    expect((await ask("/images/old", { port: proxied })).status).toBe(200);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    newest = good;
  });

  it("whose document has other bytes than its name says is not served", async () => {
    const memory = createMemoryStore();
    await publish(memory, { old: OLD });
    const good = await memory.newest();
    if (good === undefined) throw new Error("nothing was published");
    const index = good.documents["streams/v1/index.json"];
    if (index === undefined) throw new Error("no index");
    const lying = {
      ...good,
      documents: { ...good.documents, "streams/v1/index.json": { ...index, size: index.size - 1 } },
    };
    const { proxied, log } = await start({ store: withGenerations(memory, async () => lying) });
    expect((await ask("/streams/v1/index.json", { port: proxied })).status).toBe(503);
    expect((await ask("/healthz", { port: proxied })).status).toBe(503);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("an older generation", () => {
  it("is served under its number with everything it listed, and 410 when it is no longer kept", async () => {
    const { store, server, proxied } = await start();
    await publish(store, { old: OLD });
    await publish(store, { new: NEW });
    await until(() => server.counters.generation === 2);
    const port = proxied;
    const then = await ask("/@1/images/streams/v1/images.json", { port });
    expect(then.body.toString()).toContain(sha256(OLD));
    expect(then.body.toString()).not.toContain(sha256(NEW));
    expect((await ask("/@1/images/old", { port })).body.equals(OLD)).toBe(true);
    expect((await ask("/@1/images/new", { port })).status).toBe(404);
    expect((await ask("/@2/images/new", { port })).status).toBe(200);
    expect((await ask("/@3/streams/v1/index.json", { port })).status).toBe(404);
    await publish(store, { new: NEW }, [[2, 2]]);
    await until(() => server.counters.generation === 3);
    const gone = await ask("/@1/streams/v1/index.json", { port });
    expect([gone.status, gone.body.toString()]).toEqual([410, "Generation 1 is no longer kept here.\n"]);
    expect((await ask("/@2/streams/v1/index.json", { port })).status).toBe(200);
  });

  it("is served under a day as it was at 00:00 UTC", async () => {
    const memory = createMemoryStore();
    const days = [
      "2026-01-01T10:00:00.000Z",
      "2026-01-02T00:00:00.000Z",
      "2026-01-02T00:00:00.001Z",
      "2026-01-05T12:00:00.000Z",
    ];
    for (const [index] of days.entries())
      await publish(memory, { [`v${index + 1}`]: someBytes(100, index + 1) });
    const dated = (generation: Generation | undefined): Generation | undefined =>
      generation === undefined
        ? undefined
        : { ...generation, createdAt: days[generation.number - 1] ?? generation.createdAt };
    const store = new Proxy(memory, {
      get(target, key) {
        if (key === "newest") return async () => dated(await target.newest());
        if (key === "generation") return async (number: number) => dated(await target.generation(number));
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { proxied } = await start({ store });
    const at = async (day: string): Promise<string> => {
      const answer = await ask(`/@${day}/images/streams/v1/images.json`, { port: proxied });
      return /"v\d"/.exec(answer.body.toString())?.[0] ?? String(answer.status);
    };
    expect(await at("2026-01-01")).toBe("404");
    expect(await at("2026-01-02")).toBe('"v2"');
    expect(await at("2026-01-03")).toBe('"v3"');
    expect(await at("2026-01-05")).toBe('"v3"');
    expect(await at("2026-01-06")).toBe('"v4"');
    expect(await at("2999-01-01")).toBe("404");
    const path = "/streams/v1/index.json";
    const modified = (await ask(path, { port: proxied })).headers["last-modified"] ?? "";
    expect(modified).toBe("Mon, 05 Jan 2026 12:00:00 GMT");
    const since = (date: string) => ask(path, { port: proxied, headers: { "If-Modified-Since": date } });
    expect((await since(modified)).status).toBe(304);
    expect((await since("Mon, 05 Jan 2026 11:59:59 GMT")).status).toBe(200);
  });
});

describe("a generation that lists nothing", () => {
  it("answers 503 for its lists, so that clients keep the ones they have, and 404 for what never was", async () => {
    const { store, server, port, ca } = await start();
    await publish(store, { "v/0": OLD });
    await commit(store, undefined, () => ({
      reason: { verb: "remove", text: "a test" },
      rules: 1,
      streams: [{ name: "images", origin: "own", products: [], hidden: [] }],
      documents: {},
      blobs: [],
    }));
    await until(() => server.counters.generation === 2);
    const lists = ["streams/v1/index.json", "streams/v1/images.json"];
    for (const path of [...lists, ...lists.map((list) => `images/${list}`)]) {
      expect([path, (await ask(`/${path}`, { port, ca })).status]).toEqual([path, 503]);
    }
    expect((await ask("/other/streams/v1/index.json", { port, ca })).status).toBe(404);
    expect((await ask("/images/v/0", { port, ca })).status).toBe(200);
  });
});
