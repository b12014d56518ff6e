import { createMessage, generateKey, sign, createCleartextMessage, readPrivateKey } from "openpgp";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../src/store/memory/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { type HostileSite, startSite } from "../../upstream/hostile-site.ts";
import {
  documentsOf,
  heldPaths,
  INDEX,
  pathsOf,
  PRODUCTS,
  put,
  sha256,
  sync,
  tinyUpstream,
} from "./tiny-upstream.ts";

let keyring: Uint8Array;
let clearsign: (text: string) => Promise<string>;
let detach: (text: string) => Promise<string>;

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: "Upstream" }], format: "armored" });
  const signingKeys = await readPrivateKey({ armoredKey: privateKey });
  keyring = new TextEncoder().encode(publicKey);
  clearsign = async (text) => sign({ message: await createCleartextMessage({ text }), signingKeys });
  detach = async (text) =>
    String(
      await sign({
        message: await createMessage({ binary: Buffer.from(text) }),
        signingKeys,
        detached: true,
      }),
    );
});

let site: HostileSite;
let store: Store;

beforeEach(async () => {
  site = await startSite();
  store = createMemoryStore();
});
afterEach(() => site.close());

function maas(): Map<string, string> {
  const kernel = "kernel bytes";
  const products = JSON.stringify({
    content_id: "com.ubuntu.maas:stable:v3:download",
    datatype: "image-ids",
    format: "products:1.0",
    updated: "Mon, 23 Nov 2026 10:00:00 +0000",
    products: {
      "com.ubuntu.maas:v3:boot:24.04:amd64:ga-24.04": {
        arch: "amd64",
        label: "stable",
        os: "ubuntu",
        release: "noble",
        subarches: "generic,ga-24.04",
        versions: {
          "20261120": {
            items: {
              "boot-kernel": {
                ftype: "boot-kernel",
                path: "noble/boot-kernel",
                sha256: sha256(kernel),
                size: kernel.length,
              },
            },
          },
        },
      },
    },
  });
  const path = "streams/v1/com.ubuntu.maas:stable:v3:download.json";
  const entry = {
    datatype: "image-ids",
    format: "products:1.0",
    path,
    products: ["com.ubuntu.maas:v3:boot:24.04:amd64:ga-24.04"],
  };
  const index = JSON.stringify({
    format: "index:1.0",
    index: { "com.ubuntu.maas:stable:v3:download": entry },
  });
  return new Map([
    [INDEX, index],
    [path, products],
    ["noble/boot-kernel", kernel],
  ]);
}

describe("streams that are not for Incus and LXD", () => {
  it("for MAAS, signed: byte for byte under their own name, never in the merged root", async () => {
    const plain = maas();
    const path = "streams/v1/com.ubuntu.maas:stable:v3:download.json";
    const signed = new Map<string, string>();
    for (const [name, text] of plain) {
      if (!name.endsWith(".json")) signed.set(name, text);
      else signed.set(name.replace(/json$/, "sjson"), await clearsign(text.replaceAll(".json", ".sjson")));
    }
    put(site, signed);
    await sync(store, site, { signatures: "required", keyring });
    const documents = await documentsOf(store);
    expect(documents.get("up/streams/v1/index.sjson")).toBe(signed.get("streams/v1/index.sjson"));
    expect(documents.get(`up/${path.replace(/json$/, "sjson")}`)).toBe(
      signed.get(path.replace(/json$/, "sjson")),
    );
    expect(JSON.parse(documents.get(`up/${path}`) ?? "")).toHaveProperty("datatype", "image-ids");
    expect(documents.has(INDEX)).toBe(false);
    expect(await heldPaths(store)).toEqual(["noble/boot-kernel"]);
  });

  it("for Juju: tools are held, the merged root has none of them", async () => {
    const tool = "tool bytes";
    const products = {
      content_id: "com.ubuntu.juju:released:tools",
      datatype: "content-download",
      format: "products:1.0",
      products: {
        "com.ubuntu.juju:24.04:amd64": {
          version: "3.6",
          arch: "amd64",
          versions: {
            "20261120": {
              items: {
                "3.6-ubuntu-amd64": {
                  ftype: "tar.gz",
                  path: "agent/juju.tgz",
                  sha256: sha256(tool),
                  size: tool.length,
                },
              },
            },
          },
        },
      },
    };
    const entry = {
      datatype: "content-download",
      format: "products:1.0",
      path: "streams/v1/tools.json",
      products: ["x"],
    };
    put(
      site,
      new Map([
        [INDEX, JSON.stringify({ format: "index:1.0", index: { "com.ubuntu.juju:released:tools": entry } })],
        ["streams/v1/tools.json", JSON.stringify(products)],
        ["agent/juju.tgz", tool],
      ]),
    );
    await sync(store, site);
    expect(await heldPaths(store)).toEqual(["agent/juju.tgz"]);
    const documents = await documentsOf(store);
    expect([...documents.keys()].sort()).toEqual([`up/${INDEX}`, "up/streams/v1/tools.json"]);
  });
});

describe("signatures", () => {
  const versions = [{ version: "20260101_0000" }];

  it("required: a signed index and products file are believed, and served with their signatures", async () => {
    const files = tinyUpstream(versions);
    put(site, files);
    for (const path of [INDEX, PRODUCTS]) site.set(`${path}.gpg`, await detach(String(files.get(path))));
    await sync(store, site, { signatures: "required", keyring });
    const documents = await documentsOf(store);
    expect(documents.get(`up/${INDEX}`)).toBe(files.get(INDEX));
    expect(documents.get(`up/${INDEX}.gpg`)).toContain("BEGIN PGP SIGNATURE");
    expect(await heldPaths(store)).toEqual(Object.values(pathsOf(versions[0] ?? { version: "" })).sort());
  });

  it("required: without one nothing is believed", async () => {
    put(site, tinyUpstream(versions));
    await expect(sync(store, site, { signatures: "required", keyring })).rejects.toMatchObject({
      code: "UPSTREAM_UNTRUSTED",
    });
    expect(await store.newest()).toBeUndefined();
  });

  it("a forged document is not believed under any policy that looks", async () => {
    const files = tinyUpstream(versions);
    put(site, files);
    for (const path of [INDEX, PRODUCTS]) site.set(`${path}.gpg`, await detach(String(files.get(path))));
    site.set(PRODUCTS, String(tinyUpstream([{ version: "20260202_0000" }]).get(PRODUCTS)));
    for (const signatures of ["required", "preferred"] as const) {
      await expect(sync(store, site, { signatures, keyring })).rejects.toMatchObject({
        code: "UPSTREAM_UNTRUSTED",
      });
    }
    expect(await store.newest()).toBeUndefined();
  });

  it("preferred: what is not signed is believed, and said", async () => {
    put(site, tinyUpstream(versions));
    const { oddities, published } = await sync(store, site, { signatures: "preferred", keyring });
    expect(published).toBe(1);
    expect(oddities.join()).toContain("has no signature");
  });

  it("a pair of which the signature comes a moment later is asked for again before it is called forged", async () => {
    const files = tinyUpstream(versions);
    put(site, files);
    site.set(`${INDEX}.gpg`, await detach("the one before"));
    site.set(`${PRODUCTS}.gpg`, await detach(String(files.get(PRODUCTS))));
    const right = await detach(String(files.get(INDEX)));
    const wait = async (): Promise<void> => site.set(`${INDEX}.gpg`, right);
    const report = await sync(store, site, { signatures: "required", keyring }, { wait });
    expect(report.published).toBe(1);
  });
});
