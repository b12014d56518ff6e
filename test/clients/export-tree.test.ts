import type { ChildProcess } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { parseProducts } from "../../src/simplestreams/index.ts";
import { listedIn, wrongCopies, wrongFiles } from "../export/tree/walk-tree.ts";
import { emptyDaemons } from "./daemons.ts";
import { freshPort } from "./fresh-port.ts";
import { Headwater } from "./headwater.ts";
import { asPrinted, predicted } from "./listing.ts";
import { startNginx } from "./nginx.ts";
import { attempt, run } from "./program.ts";
import { SAMPLES, type SampleImage, sampleImage } from "./sample-images.ts";
import { selfSigned } from "./static-tree.ts";
import { type PrintedImage, daemons, usersKnowing } from "./user.ts";

const PAGE = "docs/how-to/publish-a-static-tree.md";

/** A folder that nothing of Headwater stands behind, as the how-to has it served. */
describe.skipIf(inject("daemons") === undefined)("an exported tree", () => {
  let folder: string;
  let www: string;
  let headwater: Headwater;
  let server: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "export-"));
    www = join(folder, "www");
    headwater = await Headwater.create();
  });
  afterEach(async () => {
    server?.kill("SIGTERM");
    server = undefined;
    await emptyDaemons(daemons());
  });

  test("satisfies incus-simplestreams, which lists the same images", async () => {
    for (const name of SAMPLES) await headwater.run("add", ...(await sampleImage(folder, name)).files);
    await headwater.run("export-tree", www);
    for (const root of [www, join(www, "images")]) {
      await run("incus-simplestreams", ["verify"], { cwd: root });
      const listed = await run("incus-simplestreams", ["list", "--format", "json"], { cwd: root });
      const products = parseProducts(await readFile(join(root, "streams/v1/images.json")));
      expect(JSON.parse(listed) as PrintedImage[]).toEqual(
        predicted(products, "incus").map((image) => asPrinted(image, "incus")),
      );
    }
    const { status } = await attempt("sh", ["-c", "find . -name SHA256SUMS -execdir sha256sum -c {} +"], {
      cwd: www,
    });
    expect(status).toBe(0);
  });

  test("behind nginx as the how-to sets it up: both clients list and launch all shapes, from the top and below", async () => {
    const samples: SampleImage[] = [];
    for (const name of SAMPLES) samples.push(await sampleImage(folder, name));
    for (const { files } of samples) await headwater.run("add", ...files);
    await headwater.run("export-tree", www);
    const { url, pem } = await serve();
    for (const base of [url, `${url}/images`]) {
      for (const user of await usersKnowing(base, pem)) {
        const listed = new Set((await user.list("hw")).map(({ fingerprint }) => fingerprint));
        const expected = samples.flatMap(({ fingerprint }) => fingerprint ?? []);
        expect([...listed]).toEqual(expect.arrayContaining(expected));
        expect(listed.size).toBe(samples.length);
        for (const { alias, type, marker, name } of samples) {
          if (type !== "container") continue;
          await user.launch(`hw:${alias}`, name);
          expect(await user.exec(name, "cat", "/etc/marker")).toBe(`${marker}\n`);
          await user.run("delete", "--force", name);
        }
      }
      await emptyDaemons(daemons());
    }
  });

  test("sends lists compressed and files as they are, and keeps its notes to itself", async () => {
    const sample = await sampleImage(folder, "container-squashfs");
    await headwater.run("add", ...sample.files);
    await headwater.run("export-tree", www);
    const { url } = await serve();
    const list = await ask(`${url}/streams/v1/images.json`);
    expect(list).toMatchObject({ status: 200, encoding: "gzip" });
    for (const { path } of await listedIn(www))
      expect(await ask(`${url}/${path}`)).toMatchObject({ status: 200, encoding: undefined });
    expect(await ask(`${url}/.headwater-export/tree.json`)).toMatchObject({ status: 404 });
  });

  test("an image that was replaced and removed: a daemon with the old list launches it until the grace is over", async () => {
    const sample = await sampleImage(folder, "container-squashfs");
    await headwater.run("add", ...sample.files);
    await headwater.run("export-tree", www);
    const { url, pem } = await serve();
    const users = await usersKnowing(url, pem);
    // A daemon that has just read the list keeps it for an hour.
    for (const user of users) {
      await user.launch(`hw:${sample.alias}`, "before");
      await user.run("delete", "--force", "before");
    }
    await emptyDaemons(daemons());
    const other = await sampleImage(folder, "container-tarball");
    await headwater.run("add", ...other.files);
    await headwater.run("remove", sample.fingerprint ?? "");
    await headwater.run("export-tree", www);
    for (const user of users) {
      await user.launch(`hw:${sample.alias}`, "after");
      expect(await user.exec("after", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
      await user.run("delete", "--force", "after");
    }
    await emptyDaemons(daemons());
    await headwater.run("export-tree", www, "--grace", "0");
    for (const user of users) {
      expect((await user.attempt("launch", `hw:${sample.alias}`, "late")).status).not.toBe(0);
      expect(await user.run("list", "--format", "csv", "--columns", "n")).toBe("");
    }
  });

  test("taken to a web host by the rsync of the how-to is whole there after every pass", async () => {
    await headwater.run("add", ...(await sampleImage(folder, "container-squashfs")).files);
    const host = join(folder, "host");
    await run("mkdir", ["-p", host]);
    await publish(host);
    await headwater.run("add", ...(await sampleImage(folder, "container-tarball")).files);
    await headwater.run("remove", "busy/container-squashfs");
    await publish(host);
    const names = async (root: string): Promise<string> =>
      run("sh", ["-c", "find . -type f | grep -v export | sort"], { cwd: root });
    expect(await names(host)).toBe(await names(www));
    expect(await wrongCopies(host)).toEqual([]);
  });

  /** The script of the how-to, line by line, to a folder instead of a host. */
  async function publish(host: string): Promise<void> {
    const page = await readFile(PAGE, "utf8");
    const script = /```sh\n(headwater export-tree [^`]*rsync[^`]*)```/.exec(page)?.[1] ?? "";
    const [first, ...passes] = script.trim().split("\n");
    expect(first).toBe("headwater export-tree /srv/www");
    expect(passes).toHaveLength(3);
    await headwater.run("export-tree", www);
    for (const [at, pass] of passes.entries()) {
      await run("sh", ["-c", pass.replace("web:/srv/www", host).replace("/srv/www", www)]);
      // The very first time there is no index before the last but one.
      const hasIndex = await attempt("test", ["-e", join(host, "streams/v1/index.json")]);
      if (hasIndex.status === 0 || at === passes.length - 1) expect(await wrongFiles(host), pass).toEqual([]);
    }
  }

  /** nginx with the very block of the page; only addresses and files are this test's. */
  async function serve(): Promise<{ url: string; pem: string }> {
    const { key, pem } = await selfSigned();
    const both = join(folder, "certificate.pem");
    await writeFile(both, pem + key);
    const [tls, plain] = await Promise.all([freshPort(), freshPort()]);
    const block = /```nginx\n([^`]*)```/.exec(await readFile(PAGE, "utf8"))?.[1];
    if (block === undefined) throw new Error("the how-to has no nginx block");
    const servers = block
      .replaceAll(/^ *listen \[::\].*$/gm, "")
      .replaceAll("listen 443 ssl;", `listen 127.0.0.1:${tls} ssl;`)
      .replaceAll("listen 80;", `listen 127.0.0.1:${plain};`)
      .replaceAll(/ssl_certificate(_key)? .*;/g, `ssl_certificate$1 ${both};`)
      .replaceAll("/srv/www", www);
    server = await startNginx(folder, servers, tls);
    return { url: `https://127.0.0.1:${tls}`, pem };
  }
});

function ask(url: string): Promise<{ status: number | undefined; encoding: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = { "accept-encoding": "gzip" };
    request(url, { rejectUnauthorized: false, agent: false, headers }, (response) => {
      response.resume();
      response.once("end", () =>
        resolve({ status: response.statusCode, encoding: response.headers["content-encoding"] }),
      );
    })
      .once("error", reject)
      .end();
  });
}
