import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type Family, emptyDaemons } from "./daemons.ts";
import { freshPort } from "./fresh-port.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { busyboxRoot, metadataTarball, squashfs } from "./image-files.ts";
import { startNginx } from "./nginx.ts";
import { sha256OfFiles } from "./sample-images.ts";
import { selfSigned } from "./static-tree.ts";
import { FAMILIES, User, daemons } from "./user.ts";

interface Build {
  readonly files: readonly string[];
  readonly fingerprint: string;
}

/** Daemons that hold one version and are to get the next: what they download, by the log of an nginx between. */
describe.skipIf(inject("daemons") === undefined)("a delta", () => {
  let folder: string;
  let headwater: Headwater;
  let serving: Serving | undefined;
  let proxy: ChildProcess | undefined;
  /** Of an upstream. */
  let site: Serving | undefined;
  let base: Buffer;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "deltas-"));
    headwater = await Headwater.create();
    // What both builds have in common, so that a delta is worth it.
    base = randomBytes(4_000_000);
  });
  afterEach(async () => {
    proxy?.kill("SIGTERM");
    proxy = undefined;
    await serving?.stop();
    await site?.stop();
    serving = undefined;
    site = undefined;
    await emptyDaemons(daemons());
  });

  test.each(FAMILIES)(
    "%s that holds version 1 fetches version 2 by it, and the container has the new file",
    async (family) => {
      const first = await added("20260101_0000");
      const through = await served(2);
      const user = await userKnowing(family, through);
      await user.launch("hw0:demo/1", "old");
      expect(await user.exec("old", "cat", "/etc/marker")).toBe("20260101_0000\n");
      expect(await user.baseImage("old")).toBe(first.fingerprint);
      expect(await fetched()).toEqual([
        expect.stringMatching(/metadata/),
        expect.stringMatching(/20260101_0000\/rootfs-.*\.squashfs$/),
      ]);

      const second = await added("20260102_0000");
      expect(await headwater.run("delta")).toMatch(
        /^demo:1:default:\w+ 20260102_0000 from 20260101_0000: made/,
      );
      await lists("vcdiff");

      // A daemon keeps a list for an hour by the address of its server, so the same server has another one.
      const seen = (await fetched()).length;
      await user.launch("hw1:demo/1", "new");
      expect(await user.exec("new", "cat", "/etc/marker")).toBe("20260102_0000\n");
      expect(await user.baseImage("new")).toBe(second.fingerprint);
      expect((await fetched()).slice(seen)).toEqual([
        expect.stringMatching(/20260102_0000\/metadata-/),
        expect.stringMatching(/20260102_0000\/rootfs-from-20260101_0000-.*\.vcdiff$/),
      ]);
    },
  );

  test.each(FAMILIES)(
    "%s refreshes an image by the delta that the server made by itself, and one that holds nothing fetches the root",
    async (family) => {
      await added("20260101_0000");
      const through = await served(1);
      const user = await userKnowing(family, through);
      await user.run("image", "copy", "hw0:demo/1", "local:", "--alias", "demo", "--auto-update");
      const second = await added("20260102_0000");
      await serving?.stop();
      await writeFile(join(headwater.data, "headwater.yaml"), "deltas: true\n");
      serving = await headwater.serveBehind(through.urls[0] ?? "", through.behind);
      await expect.poll(() => serving?.output(), { timeout: 60_000 }).toContain("a delta was made");
      await lists("vcdiff");

      await forgetLists(family);
      const seen = (await fetched()).length;
      await user.run("image", "refresh", "demo");
      expect((await user.localImages()).map(({ fingerprint }) => fingerprint)).toEqual([second.fingerprint]);
      expect(filesIn((await fetched()).slice(seen))).toEqual(["metadata", "delta"]);
      await user.launch("local:demo", "refreshed");
      expect(await user.exec("refreshed", "cat", "/etc/marker")).toBe("20260102_0000\n");

      await emptyDaemons(daemons());
      const later = (await fetched()).length;
      await user.launch("hw0:demo/1", "whole");
      expect(await user.exec("whole", "cat", "/etc/marker")).toBe("20260102_0000\n");
      expect(filesIn((await fetched()).slice(later))).toEqual(["metadata", "root"]);
    },
  );

  test.each(FAMILIES)("%s that holds a base which was removed fetches the whole root", async (family) => {
    const first = await added("20260101_0000");
    const through = await served(2);
    const user = await userKnowing(family, through);
    await user.launch("hw0:demo/1", "old");
    await added("20260102_0000");
    await headwater.run("delta");
    await headwater.run("remove", first.fingerprint);
    await expect
      .poll(() => serving?.document("/streams/v1/images.json"), { timeout: 20_000 })
      .not.toContain("20260101_0000");
    const seen = (await fetched()).length;
    await user.launch("hw1:demo/1", "new");
    expect(await user.exec("new", "cat", "/etc/marker")).toBe("20260102_0000\n");
    expect(filesIn((await fetched()).slice(seen))).toEqual(["metadata", "root"]);
  });

  test.each(FAMILIES)("%s takes one of an upstream through a mirror of it", async (family) => {
    const upstream = await Headwater.create();
    await added("20260101_0000", upstream);
    site = await upstream.serve();
    const authority = join(folder, "upstream.pem");
    await writeFile(authority, await site.pem());
    const mirror = ["--name", "site", "--mode", "mirror", "--ca", authority];
    await headwater.run("upstream", "add", `${site.url}/images`, ...mirror);
    await headwater.run("sync");
    const through = await served(2);
    const user = await userKnowing(family, through);
    await user.launch("hw0:demo/1", "old");

    const second = await added("20260102_0000", upstream);
    await upstream.run("delta");
    await expect
      .poll(() => site?.document("/images/streams/v1/images.json"), { timeout: 20_000 })
      .toContain("vcdiff");
    await headwater.run("sync");
    await lists("vcdiff");
    const seen = (await fetched()).length;
    await user.launch("hw1:demo/1", "new");
    expect(await user.baseImage("new")).toBe(second.fingerprint);
    expect(await user.exec("new", "cat", "/etc/marker")).toBe("20260102_0000\n");
    expect(filesIn((await fetched()).slice(seen))).toEqual(["metadata", "delta"]);
  });

  async function added(version: string, to = headwater): Promise<Build> {
    const own = join(folder, version);
    await mkdir(own);
    const metadata = await metadataTarball(own, { os: "Demo", release: "1", description: version });
    const tree = await busyboxRoot(own, version);
    await writeFile(join(tree, "usr/shared"), base);
    const files = [metadata, await squashfs(tree, join(own, "rootfs.squashfs"))];
    await to.run("add", ...files, "--version", version);
    return { files, fingerprint: await sha256OfFiles(files) };
  }

  interface Through {
    readonly urls: readonly string[];
    readonly pem: string;
    readonly behind: number;
  }

  /** The server with an nginx before it, which answers at so many addresses and logs what is asked for. */
  async function served(addresses: number): Promise<Through> {
    const { key, pem } = await selfSigned();
    const files = { key: join(folder, "proxy.key"), certificate: join(folder, "proxy.pem") };
    await writeFile(files.key, key);
    await writeFile(files.certificate, pem);
    const ports = await Promise.all(Array.from({ length: addresses }, () => freshPort()));
    const behind = await freshPort();
    const server = (port: number): string =>
      `server { listen 127.0.0.1:${port} ssl; ssl_protocols TLSv1.3; ssl_certificate ${files.certificate};\n` +
      `ssl_certificate_key ${files.key}; location / { proxy_pass http://127.0.0.1:${behind}; proxy_set_header Host $http_host; } }\n`;
    proxy = await startNginx(folder, ports.map(server).join(""), ports[0] ?? 0);
    const urls = ports.map((port) => `https://127.0.0.1:${port}`);
    serving = await headwater.serveBehind(urls[0] ?? "", behind);
    return { urls, pem, behind };
  }

  async function userKnowing(family: Family, { urls, pem }: Through): Promise<User> {
    const user = await User.create(family);
    for (const [at, url] of urls.entries()) await user.addRemote(`hw${at}`, url, pem);
    return user;
  }

  /** The server notices within seconds what was published. */
  async function lists(text: string): Promise<void> {
    const list = (): Promise<string> | undefined => serving?.document("/streams/v1/images.json");
    await expect.poll(list, { timeout: 20_000 }).toContain(text);
  }

  /** Paths of the files that were asked for and sent, without lists. */
  async function fetched(): Promise<string[]> {
    const log = await readFile(join(folder, "nginx/access.log"), "utf8");
    return [...log.matchAll(/"GET (\S+) HTTP\/1\.1" 200 /g)]
      .map(([, path = ""]) => path)
      .filter((path) => !path.includes("/streams/v1/") && path !== "/healthz");
  }

  function filesIn(paths: readonly string[]): string[] {
    return paths.map((path) =>
      path.includes("/metadata-") ? "metadata" : path.endsWith(".vcdiff") ? "delta" : "root",
    );
  }

  /** As an hour does. */
  async function forgetLists(family: Family): Promise<void> {
    const cache = join(daemons()[family], "cache");
    for (const name of await readdir(cache)) {
      if (/^[0-9a-f]{64}$/.test(name)) await rm(join(cache, name), { recursive: true });
    }
  }
});
