import { beforeEach, describe, expect, it } from "vitest";
import { addAlias, listAliases, removeAlias } from "../../src/curate/alias.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { addTiny, listed } from "./tiny-site.ts";

let store: Store;
let fingerprint: string;

beforeEach(async () => {
  store = createMemoryStore();
  fingerprint = await addTiny(store, "a", { os: "debian", release: "12" });
});

const product = "debian:12:default:amd64";

describe("aliases", () => {
  it("name a product, so that the newest version wins", async () => {
    await addAlias(store, "web/stable", product);
    await addTiny(store, "b", { os: "debian", release: "12", version: "20300101_0000" });
    const owner = (await listAliases(store)).find((one) => one.alias === "web/stable");
    expect(owner).toMatchObject({ product, version: "20300101_0000", types: ["container"] });
  });

  it("can be given by naming another alias", async () => {
    expect((await addAlias(store, "web", "debian/12")).products).toEqual([product]);
    expect((await listed(store))[0]?.aliases).toContain("web");
  });

  it("are refused a fingerprint as target, with that sentence", async () => {
    await expect(addAlias(store, "web", fingerprint)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("an alias names a product, and the newest version wins"),
    });
  });

  it.each(["a,b", "a b", "", "a:b", "a%2fb", "\u001b[31m", "<b>\u0000", "../x", "f".repeat(64)])(
    "are refused the name %j",
    async (alias) => {
      await expect(addAlias(store, alias, product)).rejects.toMatchObject({ code: "NAME_INVALID" });
    },
  );

  it("cannot name two products of one architecture and type", async () => {
    await addTiny(store, "c", { os: "debian", release: "13" });
    await addAlias(store, "web", product);
    await expect(addAlias(store, "web", "debian:13:default:amd64")).rejects.toMatchObject({
      code: "NAME_TAKEN",
    });
  });

  it("publish nothing when nothing changes", async () => {
    await addAlias(store, "web", product);
    const before = (await store.newest())?.number;
    expect((await addAlias(store, "web", product)).generation).toBeUndefined();
    expect((await store.newest())?.number).toBe(before);
  });

  it("can be taken away, and are missed when they are not there", async () => {
    await removeAlias(store, "debian/12");
    expect((await listed(store))[0]?.aliases).not.toContain("debian/12");
    await expect(removeAlias(store, "debian/12")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
