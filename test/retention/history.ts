import { expect } from "vitest";
import { changePins } from "../../src/curate/change-pins.ts";
import { pin } from "../../src/curate/pin.ts";
import { retain } from "../../src/curate/retain.ts";
import { directTransfers } from "../../src/intake/transfer/direct.ts";
import { syncUpstream } from "../../src/intake/sync/sync-upstream.ts";
import { publish } from "../../src/publish/publish.ts";
import { readStreams } from "../../src/publish/read-streams.ts";
import type { RetentionPolicy } from "../../src/retention/policy.ts";
import { fingerprintsOf } from "../../src/simplestreams/fingerprint.ts";
import { parseSelection } from "../../src/simplestreams/selection.ts";
import type { Generation } from "../../src/store/generation.ts";
import { contains, numbersOf } from "../../src/store/keeps.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { namedBlobs } from "../../src/store/named-blobs.ts";
import { prune } from "../../src/store/prune.ts";
import type { Pin } from "../../src/store/pins.ts";
import type { Store } from "../../src/store/store.ts";
import { listingOf, withOwnStream } from "../../src/views/image-stream.ts";
import { POLICY } from "../intake/sync/tiny-upstream.ts";
import {
  type BuildName,
  buildOf,
  bytesOf,
  productOf,
  upstreamOf,
  versionContent,
  versionOf,
} from "./builds.ts";
import { filesOf, type ModelRules, type ModelVersion, whatStays } from "./oracle.ts";

export const STREAMS = ["images", "up"] as const;
export type StreamName = (typeof STREAMS)[number];

export interface Rules {
  readonly general?: ModelRules | undefined;
  readonly images?: ModelRules | undefined;
  readonly up?: ModelRules | undefined;
  /** Of the product `a` in every image stream. */
  readonly a?: ModelRules | undefined;
}

export type Step =
  | { readonly do: "add"; readonly build: BuildName }
  | { readonly do: "remove"; readonly build: BuildName }
  | { readonly do: "sync"; readonly builds: readonly BuildName[] }
  | { readonly do: "wait"; readonly hours: number }
  | { readonly do: "rules"; readonly rules: Rules }
  | {
      readonly do: "pin";
      readonly what: "version" | "image" | "alias" | "generation";
      readonly build: BuildName;
    }
  | { readonly do: "unpin"; readonly at: number }
  | { readonly do: "prune" };

type Listed = Omit<ModelVersion, "isPinned">;
type ModelPin =
  | { readonly kind: "version"; readonly stream: StreamName; readonly key: string }
  | { readonly kind: "alias"; readonly product: string; readonly keys: Set<string> }
  | { readonly kind: "generation"; readonly number: number };

const keyOf = ({ product, version }: { readonly product: string; readonly version: string }): string =>
  `${product} ${version}`;

/** A store, and beside it what should be in it. */
export class History {
  readonly store: Store = createMemoryStore();
  nowMs = Date.UTC(2026, 0, 5);
  rules: Rules = {};
  readonly #listed: Record<StreamName, Map<string, Listed>> = { images: new Map(), up: new Map() };
  pins: ModelPin[] = [];
  /** What each alias led to in each generation: `stream product version`. */
  readonly #led = new Map<number, ReadonlySet<string>>();

  async step(step: Step): Promise<void> {
    this.nowMs += 1000;
    if (step.do === "wait") this.nowMs += step.hours * 3_600_000;
    else if (step.do === "rules") this.rules = step.rules;
    else if (step.do === "add") await this.#add(step.build);
    else if (step.do === "remove") await this.#remove(step.build);
    else if (step.do === "sync") await this.#sync(step.builds);
    else if (step.do === "pin") await this.#pin(step.what, step.build);
    else if (step.do === "unpin") await this.#unpin(step.at);
    else await this.prune();
    await this.#check();
  }

  async #add(name: BuildName): Promise<void> {
    const build = buildOf("images", name);
    const { images } = this.#listed;
    if (images.has(keyOf(build))) return;
    await this.#change(({ products }, put) => {
      put(build);
      const known = products.get(build.product) ?? {
        ...productOf(build.product, build.supportEol),
        versions: new Map(),
      };
      const versions = new Map(known.versions).set(build.version, versionContent(build));
      return new Map(products).set(build.product, { ...known, versions });
    });
    images.set(keyOf(build), build);
    await this.#published();
  }

  async #remove(name: BuildName): Promise<void> {
    const build = buildOf("images", name);
    const { images } = this.#listed;
    if (!images.has(keyOf(build)) || this.#isPinned("images", keyOf(build))) return;
    await this.#change(({ products }) => {
      const product = products.get(build.product);
      if (product === undefined) return products;
      const versions = new Map([...product.versions].filter(([version]) => version !== build.version));
      const others = [...products].filter(([key]) => key !== build.product);
      return new Map(versions.size === 0 ? others : [...others, [build.product, { ...product, versions }]]);
    });
    images.delete(keyOf(build));
    await this.#published();
  }

  async #change(
    change: (
      file: ReturnType<typeof listingOf> extends ReadonlyMap<string, infer File> ? File : never,
      put: (build: Listed) => void,
    ) => ReadonlyMap<
      string,
      ReturnType<typeof productOf> & { versions: ReadonlyMap<string, ReturnType<typeof versionContent>> }
    >,
  ): Promise<void> {
    const writer = await this.store.writer("add");
    const staged: Promise<unknown>[] = [];
    const put = (build: Listed): void => {
      for (const { name, size } of filesOf({ ...build, isPinned: false }))
        staged.push(writer.put(bytesOf(name, size)));
    };
    await publish(
      this.store,
      writer,
      async (streams) => {
        const after = withOwnStream(streams, (file) => ({ ...file, products: change(file, put) }));
        await Promise.all(staged);
        return { reason: { verb: "test", text: "" }, streams: after };
      },
      { now: () => this.nowMs },
    );
    await writer.close();
  }

  async #sync(names: readonly BuildName[]): Promise<void> {
    const builds = names.map((name) => buildOf("up", name));
    if (builds.length === 0) return;
    const upstream = upstreamOf(builds);
    await syncUpstream(
      { ...POLICY, url: upstream.url, retention: this.policy() },
      {
        store: this.store,
        upstream,
        openTransfers: (writer) => directTransfers({ store: this.store, writer, upstream }),
        order: ["up"],
        now: () => this.nowMs,
      },
    );
    const held = this.#listed.up;
    const joined = new Map<string, Listed>();
    for (const build of builds) joined.set(keyOf(build), { ...build, ...datesOf(held.get(keyOf(build))) });
    for (const [key, one] of held) {
      const { versions, supersededForMs, supported } = this.#rulesFor("up", one.product) ?? {};
      const isByRules = versions !== undefined || supersededForMs !== undefined || supported === true;
      if (!joined.has(key) && (isByRules || this.#isPinned("up", key))) joined.set(key, one);
    }
    const after = this.#apply("up", joined);
    const said = new Map(builds.map((build) => [keyOf(build), build]));
    // The upstream's own bytes are passed on with every delta they list.
    this.#listed.up = saysTheSame(after, said) ? after : withBases(after);
    await this.#published();
  }

  async #pin(what: "version" | "image" | "alias" | "generation", build: BuildName): Promise<void> {
    const version = versionOf(build.day);
    const key = keyOf({ product: build.product, version });
    const now = { now: () => this.nowMs };
    if (what === "generation") {
      const newest = await this.store.newest();
      if (newest === undefined) return;
      const kept = [...numbersOf(newest.keeps), newest.number];
      const number = kept[build.day % kept.length] ?? newest.number;
      await pin(this.store, { kind: "generation", name: String(number) }, now);
      this.pins.push({ kind: "generation", number });
    } else if (what === "alias") {
      const newest = await this.store.newest();
      const led: string[] = [];
      for (const [number, keys] of this.#led) {
        if (newest?.number !== number && !contains(newest?.keeps ?? [], number)) continue;
        for (const one of keys) if (one.split(" ")[1] === build.product) led.push(one);
      }
      if (led.length === 0) return;
      await pin(this.store, { kind: "alias", alias: `${build.product}/1` }, now);
      const known = this.pins.find((one) => one.kind === "alias" && one.product === build.product);
      if (known === undefined) this.pins.push({ kind: "alias", product: build.product, keys: new Set(led) });
    } else {
      for (const stream of STREAMS) {
        const listed = this.#listed[stream].get(key);
        if (listed === undefined) continue;
        const [image] = fingerprintsOf(versionContent(listed));
        const wish =
          what === "version"
            ? { kind: "target" as const, target: build.product, version }
            : { kind: "target" as const, target: image?.fingerprint ?? "" };
        await pin(this.store, wish, now);
        this.pins.push({ kind: "version", stream, key });
        // A name means the product of both image streams, a fingerprint one image.
        if (what === "version") continue;
      }
    }
    await this.#published();
  }

  async #unpin(at: number): Promise<void> {
    const gone = this.pins[at % Math.max(1, this.pins.length)];
    if (gone === undefined) return;
    const without = (pins: readonly Pin[]) => ({
      reason: { verb: "unpin", text: "" },
      pins: pins.filter((one) => {
        if (gone.kind === "generation") return !(one.kind === "generation" && one.generation === gone.number);
        if (gone.kind === "alias") return !(one.kind === "alias" && one.alias === `${gone.product}/1`);
        if (one.kind === "version")
          return !(one.stream === gone.stream && `${one.product} ${one.version}` === gone.key);
        if (one.kind !== "image") return true;
        const listed = this.#known(gone.stream, gone.key);
        return fingerprintsOf(versionContent(listed)).every(
          ({ fingerprint }) => fingerprint !== one.fingerprint,
        );
      }),
    });
    await changePins(this.store, without, { now: () => this.nowMs });
    this.pins = this.pins.filter((one) => JSON.stringify(one) !== JSON.stringify(gone) && one !== gone);
    await this.#published();
  }

  #known(stream: StreamName, key: string): Listed {
    const [product = "", version = ""] = key.split(" ");
    return buildOf(stream, { product, day: Number(version.slice(6, 8)) });
  }

  /** As `headwater prune --grace 0 --free-now` does. */
  async prune(): Promise<void> {
    await retain(this.store, this.policy(), { now: this.nowMs });
    for (const stream of STREAMS) {
      const before = this.#listed[stream];
      const after = this.#apply(stream, before);
      this.#listed[stream] = saysTheSame(before, after) ? before : withBases(after);
    }
    await this.#published();
    this.nowMs += 1000;
    await prune(this.store, { now: this.nowMs, graceMs: 0, freeNow: true });
    await this.#published();
    const kept = await this.#kept();
    const named = await namedBlobs(this.store, kept);
    const live = await this.store.liveBlobs();
    expect([...live].filter((sha256) => !named.has(sha256))).toEqual([]);
    expect(await this.store.retiredBlobs()).toEqual([]);
  }

  policy(): RetentionPolicy {
    const { general, images, up, a } = this.rules;
    const streams = Object.entries({ images, up }).flatMap(([name, rules]) =>
      rules === undefined ? [] : [[name, rules] as const],
    );
    return {
      ...(general === undefined ? {} : { general }),
      streams: new Map(streams),
      products:
        a === undefined
          ? []
          : [{ select: parseSelection("product_name=a"), text: "product_name=a", rules: a }],
      text: JSON.stringify(this.rules),
    };
  }

  #rulesFor(stream: StreamName, product: string): ModelRules | undefined {
    return (product === "a" ? this.rules.a : undefined) ?? this.rules[stream] ?? this.rules.general;
  }

  #apply(stream: StreamName, all: ReadonlyMap<string, Listed>): Map<string, Listed> {
    const { rules } = this;
    const stays = whatStays(
      [...all.values()].map((one) => Object.assign({ isPinned: this.#isPinned(stream, keyOf(one)) }, one)),
      {
        stream: rules[stream] ?? rules.general,
        ofProduct: (product) => (product === "a" ? rules.a : undefined),
        nowMs: this.nowMs,
      },
    );
    const after = new Map<string, Listed>();
    for (const [key, one] of all) {
      const verdict = stays.get(key);
      if (verdict === undefined) continue;
      after.set(key, verdict.hasDelta ? one : { ...one, delta: undefined });
    }
    return after;
  }

  #isPinned(stream: StreamName, key: string): boolean {
    return this.pins.some(
      (one) =>
        (one.kind === "version" && one.stream === stream && one.key === key) ||
        (one.kind === "alias" && one.keys.has(`${stream} ${key}`)),
    );
  }

  /** Notes what a publication changes of dates, and of what aliases led to. */
  async #published(): Promise<void> {
    this.#listed.images = withBases(this.#listed.images);
    const led = new Set<string>();
    for (const stream of STREAMS) {
      const listed = this.#listed[stream];
      for (const [key, one] of listed) {
        const isNewest = [...listed.values()].every(
          (other) => other.product !== one.product || other.version <= one.version,
        );
        if (isNewest) led.add(`${stream} ${key}`);
        const appearedMs = one.appearedMs ?? this.nowMs;
        const supersededMs = isNewest ? undefined : (one.supersededMs ?? this.nowMs);
        listed.set(key, { ...one, appearedMs, supersededMs });
      }
    }
    const newest = await this.store.newest();
    if (newest !== undefined) this.#led.set(newest.number, led);
    for (const one of this.pins) {
      if (one.kind !== "alias") continue;
      for (const key of led) if (key.split(" ")[1] === one.product) one.keys.add(key);
    }
  }

  async #kept(): Promise<Generation[]> {
    const newest = await this.store.newest();
    if (newest === undefined) return [];
    const kept = [newest];
    for (const number of [...numbersOf(newest.keeps)].reverse()) {
      const generation = await this.store.generation(number);
      if (generation !== undefined) kept.push(generation);
    }
    return kept;
  }

  async #check(): Promise<void> {
    const newest = await this.store.newest();
    if (newest === undefined) return;
    const streams = await readStreams(this.store, newest);
    for (const name of STREAMS) {
      const stream = streams.find((one) => one.name === name);
      const found: string[] = [];
      for (const { products } of stream === undefined ? [] : listingOf(stream).values()) {
        for (const [product, { versions }] of products) {
          for (const [version, { items }] of versions)
            found.push(`${product} ${version}${items.has("delta") ? " +" : ""}`);
        }
      }
      const wanted = [...this.#listed[name]].map(([key, { delta }]) =>
        delta === undefined ? key : `${key} +`,
      );
      expect(found.sort()).toEqual(wanted.sort());
    }
    const kept = await this.#kept();
    for (const one of this.pins)
      if (one.kind === "generation") expect(kept.map(({ number }) => number)).toContain(one.number);
    for (const sha256 of await namedBlobs(this.store, kept))
      expect(await this.store.sizeOf(sha256)).toBeGreaterThan(0);
  }
}

function datesOf(listed: Listed | undefined): Pick<Listed, "appearedMs" | "supersededMs"> {
  return { appearedMs: listed?.appearedMs, supersededMs: listed?.supersededMs };
}

function saysTheSame(one: ReadonlyMap<string, Listed>, other: ReadonlyMap<string, Listed>): boolean {
  return (
    one.size === other.size &&
    [...one].every(([key, { delta }]) => other.has(key) && other.get(key)?.delta?.base === delta?.base)
  );
}

/** Without deltas whose base is not listed. */
function withBases(listed: ReadonlyMap<string, Listed>): Map<string, Listed> {
  return new Map(
    [...listed].map(([key, one]) => {
      const isUsable = one.delta !== undefined && listed.has(`${one.product} ${one.delta.base}`);
      return [key, isUsable ? one : { ...one, delta: undefined }];
    }),
  );
}
