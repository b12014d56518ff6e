import { X509Certificate } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDaemonReference } from "../../../src/intake/daemon/address.ts";
import type { Daemon } from "../../../src/intake/daemon/daemon.ts";
import { openDaemon, type OpenDaemonOptions } from "../../../src/intake/daemon/open-daemon.ts";
import { type Authority, makeAuthority, type ServerCertificate } from "../../upstream/authority.ts";
import { failureOf } from "../../upstream/failure.ts";
import { refuse, sync } from "./fake-daemon.ts";

let folder: string;
let authority: Authority;
let server: Server | undefined;
const asked: { readonly path: string; readonly body: string }[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hw-remote-"));
  authority = await makeAuthority();
  asked.length = 0;
});
afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

async function stop(): Promise<void> {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
  server = undefined;
}

/** A daemon at https that trusts whoever shows a certificate once a token was taken. */
async function serve(shown: ServerCertificate, takesTokens = true, port = 0): Promise<string> {
  let hasTrust = false;
  server = createServer({ ...shown, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const path = request.url ?? "";
      asked.push({ path, body });
      const certificate =
        "getPeerCertificate" in request.socket
          ? (request.socket as { getPeerCertificate: () => object }).getPeerCertificate()
          : {};
      const isKnown = hasTrust && Object.keys(certificate).length > 0;
      if (path === "/1.0") return sync(response, { auth: isKnown ? "trusted" : "untrusted" });
      if (path === "/1.0/certificates" && takesTokens) {
        hasTrust = true;
        return sync(response, null);
      }
      // What a hostile server would do: say it aloud.
      refuse(response, 403, `not authorized: ${body}`);
    });
  });
  await new Promise<void>((resolve) => server?.listen(port, "127.0.0.1", resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(url: string, more: Partial<OpenDaemonOptions> = {}): Promise<Daemon> {
  const daemon = await openDaemon(parseDaemonReference(url), {
    env: {},
    userAgent: "Headwater/test",
    identities: join(folder, "daemons"),
    ...more,
  });
  daemon.close();
  return daemon;
}

function tokenFor({ cert }: ServerCertificate): string {
  const fingerprint = new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
  return Buffer.from(JSON.stringify({ client_name: "x", fingerprint, secret: "s3cr3t" })).toString("base64");
}

describe("a daemon at another address", () => {
  it("is believed by the certificate that was accepted, whoever signed it, and by no other", async () => {
    const url = await serve(await authority.issue(["daemon.example"]));
    const stranger = await failureOf(open(url));
    expect([stranger.code, stranger.message]).toEqual([
      "DAEMON_UNTRUSTED",
      expect.stringMatching(/[0-9a-f]{64}/),
    ]);
    const questions: string[] = [];
    const confirm = async (_place: string, fingerprint: string): Promise<boolean> =>
      questions.push(fingerprint) > 1;
    expect((await failureOf(open(url, { confirm }))).code).toBe("DAEMON_UNTRUSTED");
    await open(url, { confirm });
    await open(url);
    expect(questions).toHaveLength(2);
    const { port } = new URL(url);
    await stop();
    asked.length = 0;
    await serve(await authority.issue(["daemon.example"]), true, Number(port));
    const changed = await failureOf(open(url));
    expect([changed.code, changed.message]).toEqual([
      "DAEMON_UNTRUSTED",
      expect.stringContaining("not the one that was accepted"),
    ]);
    expect(asked).toEqual([]);
    await open(url, { acceptCertificate: true });
  });

  it("is trusted by its token, which goes to that server alone, and the key is its owner's alone", async () => {
    const shown = await authority.issue(["daemon.example"]);
    const url = await serve(shown);
    const other = await failureOf(open(url, { token: tokenFor(await authority.issue(["other.example"])) }));
    expect([other.code, asked]).toEqual(["DAEMON_UNTRUSTED", []]);
    const written: string[] = [];
    const daemon = await open(url, { token: tokenFor(shown), onWritten: (path) => written.push(path) });
    expect(daemon.facts.isTrusted).toBe(true);
    expect((await open(url)).facts.isTrusted).toBe(true);
    for (const path of written) {
      const { mode } = await lstat(path);
      expect([0o600, 0o700]).toContain(mode & 0o777);
    }
    const [own = ""] = await readdir(join(folder, "daemons"));
    expect((await readdir(join(folder, "daemons", own))).toSorted()).toEqual([
      "client.crt",
      "client.key",
      "server.crt",
    ]);
    expect(await readFile(join(folder, "daemons", own, "client.key"), "utf8")).toContain("PRIVATE KEY");
  });

  it("does not get its own refusal to print the token", async () => {
    const shown = await authority.issue(["daemon.example"]);
    const url = await serve(shown, false);
    const token = tokenFor(shown);
    const refused = await failureOf(open(url, { token }));
    expect(refused.code).toBe("DAEMON_REFUSED");
    expect(JSON.stringify([refused.message, refused.hint, refused.details])).not.toMatch(
      new RegExp(`s3cr3t|${token}`),
    );
    expect(refused.cause).toBeUndefined();
  });

  it("is said to have an expired certificate where that is so", async () => {
    const url = await serve(await authority.issue(["daemon.example"], new Date(Date.now() - 1000)));
    const expired = await failureOf(open(url, { acceptCertificate: true }));
    expect([expired.code, expired.message]).toEqual([
      "DAEMON_UNTRUSTED",
      expect.stringContaining("has expired"),
    ]);
  });

  it("has its key in the store, and never behind a link", async () => {
    const shown = await authority.issue(["daemon.example"]);
    const url = await serve(shown);
    await mkdir(join(folder, "elsewhere"));
    await symlink(join(folder, "elsewhere"), join(folder, "daemons"));
    expect((await failureOf(open(url, { token: tokenFor(shown) }))).message).toContain("is a link");
    expect(await readdir(join(folder, "elsewhere"))).toEqual([]);
  });
});
