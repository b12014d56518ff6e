import type { ChildProcess } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { emptyDaemons } from "./daemons.ts";
import { Headwater, type Serving } from "./headwater.ts";
import { freshPort } from "./fresh-port.ts";
import { startNginx } from "./nginx.ts";
import { run } from "./program.ts";
import { type SampleImage, sampleImage } from "./sample-images.ts";
import { FAMILIES, User, daemons, usersKnowing } from "./user.ts";

/** Ways to serve, other than the plainest one. */
describe.skipIf(inject("daemons") === undefined)("serving", () => {
  let folder: string;
  let headwater: Headwater;
  let sample: SampleImage;
  let serving: Serving | undefined;
  let proxy: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(daemons().folder, "serving-"));
    headwater = await Headwater.create();
    sample = await sampleImage(folder, "container-squashfs");
    await headwater.run("add", ...sample.files);
  });
  afterEach(async () => {
    proxy?.kill("SIGTERM");
    proxy = undefined;
    await serving?.stop();
    await emptyDaemons(daemons());
  });

  test.each([
    ["with two processes", ["--workers", "2"]],
    ["with image files also over plain HTTP", ["--plain", "all"]],
    ["with nothing over plain HTTP", ["--plain", "off"]],
  ])("%s: both clients list and launch", async (_how, flags) => {
    serving = await headwater.serve(...flags);
    await expectLaunches(serving.url, await serving.pem());
  });

  test("on an IPv6 address: both clients list and launch", async (context) => {
    const hasIpv6 = Object.values(networkInterfaces())
      .flat()
      .some((address) => address?.address === "::1");
    if (!hasIpv6) context.skip("this machine has no ::1");
    serving = await headwater.serveOnIpv6();
    await expectLaunches(serving.url, await serving.pem());
  });

  test("behind nginx as the how-to sets it up: both clients list and launch", async () => {
    const { certificate, key } = await issue(folder, "images.example");
    const [tls, plain, behind] = await Promise.all([freshPort(), freshPort(), freshPort()]);
    proxy = await nginx(folder, { certificate, key, tls, plain, behind });
    const url = `https://127.0.0.1:${tls}`;
    serving = await headwater.serveBehind(url, behind);
    await expectLaunches(url, await readFile(certificate, "utf8"));
  });

  test("with a certificate from a CA that the client's system trusts: nothing to pin", async () => {
    const { authority, certificate, key } = await issue(folder, "localhost");
    await writeFile(
      join(headwater.data, "headwater.yaml"),
      `certificate: {file: ${JSON.stringify(certificate)}, key: ${JSON.stringify(key)}}\n`,
    );
    serving = await headwater.serve();
    for (const family of FAMILIES) {
      const user = (await User.create(family)).trusting(authority);
      const url = serving.url.replace("127.0.0.1", "localhost");
      await user.run("remote", "add", "hw", url, "--protocol", "simplestreams");
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([sample.fingerprint]);
    }
  });

  test("an image removed at once: a client that still lists it gets an error, and no instance", async () => {
    serving = await headwater.serve();
    const users = await usersKnowing(serving.url, await serving.pem());
    // A daemon that has just read the list keeps it for an hour.
    for (const user of users) {
      await user.launch(`hw:${sample.alias}`, "before");
      await user.run("delete", "--force", "before");
    }
    await emptyDaemons(daemons());
    const before = await serving.document("/streams/v1/images.json").catch(() => "");
    await headwater.run("remove", "--now", sample.fingerprint ?? "");
    await expect.poll(() => serving?.document("/streams/v1/images.json").catch(() => "")).not.toBe(before);
    for (const user of users) {
      const outcome = await user.attempt("launch", `hw:${sample.alias}`, "after");
      expect(outcome.status).not.toBe(0);
      expect(await user.run("list", "--format", "csv", "--columns", "n")).toBe("");
    }
  });

  async function expectLaunches(url: string, pem: string): Promise<void> {
    for (const user of await usersKnowing(url, pem)) {
      expect((await user.list("hw")).map(({ fingerprint }) => fingerprint)).toEqual([sample.fingerprint]);
      await user.launch(`hw:${sample.alias}`, "c1");
      expect(await user.exec("c1", "cat", "/etc/marker")).toBe(`${sample.marker}\n`);
      expect(await user.baseImage("c1")).toBe(sample.fingerprint);
    }
  }
});

interface Issued {
  /** The CA, PEM. */
  readonly authority: string;
  /** Leaf and CA, PEM, as a proxy wants it. */
  readonly certificate: string;
  readonly key: string;
}

/** A certificate for `name` from a CA of its own. */
async function issue(folder: string, name: string): Promise<Issued> {
  const file = (what: string) => join(folder, what);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = file("authority.pem");
  const authorityKey = file("authority.key");
  const ca = ["req", "-x509", ...curve, "-days", "30", "-subj", "/CN=Test authority"];
  await run("openssl", [...ca, "-keyout", authorityKey, "-out", authority]);
  const key = file("leaf.key");
  await run("openssl", [
    "req",
    "-new",
    ...curve,
    "-subj",
    `/CN=${name}`,
    "-keyout",
    key,
    "-out",
    file("csr"),
  ]);
  await writeFile(file("extensions"), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`);
  const sign = ["x509", "-req", "-CA", authority, "-CAkey", authorityKey, "-CAcreateserial", "-days", "30"];
  const files = ["-in", file("csr"), "-extfile", file("extensions"), "-out", file("leaf.pem")];
  await run("openssl", [...sign, ...files]);
  const certificate = file("fullchain.pem");
  await writeFile(
    certificate,
    (await readFile(file("leaf.pem"), "utf8")) + (await readFile(authority, "utf8")),
  );
  return { authority, certificate, key };
}

interface ProxyOptions {
  readonly certificate: string;
  readonly key: string;
  readonly tls: number;
  readonly plain: number;
  readonly behind: number;
}

/** nginx with the very block of the how-to; only addresses and files are this test's. */
async function nginx(folder: string, options: ProxyOptions): Promise<ChildProcess> {
  const page = await readFile("docs/how-to/run-behind-a-proxy.md", "utf8");
  const block = /```nginx\n([^`]*)```/.exec(page)?.[1];
  if (block === undefined) throw new Error("the how-to has no nginx block");
  const servers = block
    .replaceAll(/^ *listen \[::\].*$/gm, "")
    .replaceAll("listen 443 ssl;", `listen 127.0.0.1:${options.tls} ssl;`)
    .replaceAll("listen 80;", `listen 127.0.0.1:${options.plain};`)
    .replaceAll(/ssl_certificate .*;/g, `ssl_certificate ${options.certificate};`)
    .replaceAll(/ssl_certificate_key .*;/g, `ssl_certificate_key ${options.key};`)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${options.behind}`);
  return startNginx(folder, servers);
}
