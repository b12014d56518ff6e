import { execFile } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect as connectTls } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CERTIFICATE_FILE,
  describeCertificate,
  ensureCertificate,
  renewCertificate,
} from "../../src/server/certificate.ts";
import { loadCertificate } from "../../src/server/certificate-source.ts";
import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { publish, startSite, until } from "./site.ts";

const run = promisify(execFile);

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hw-cert-"));
  file = join(folder, "tls", CERTIFICATE_FILE);
});
afterEach(() => rm(folder, { recursive: true }));

const NAMES = ["images.example", "Mirror.Example", "192.0.2.7", "2001:DB8::7"];

describe("ensureCertificate", () => {
  it("makes one self-signed certificate for ten years that is no CA, names in order, in a file for the owner", async () => {
    const made = await ensureCertificate(join(folder, "tls"), NAMES);
    expect(made.names).toEqual([
      "images.example",
      "mirror.example",
      "localhost",
      "192.0.2.7",
      "2001:db8::7",
      "127.0.0.1",
      "::1",
    ]);
    expect(made.isSelfSigned).toBe(true);
    expect(made.notAfter.getUTCFullYear()).toBe(new Date().getUTCFullYear() + 10);
    expect(made.notBefore.getTime()).toBeLessThan(Date.now());
    const certificate = new X509Certificate(made.pem);
    expect(certificate.ca).toBe(false);
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
    expect(certificate.subject).toContain("CN=images.example");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "tls"))).mode & 0o777).toBe(0o700);
    expect((await readFile(file, "utf8")).match(/-----BEGIN/g)).toHaveLength(2);
    expect(made.pem).not.toContain("PRIVATE");
  });

  it("keeps the one that is there", async () => {
    const made = await ensureCertificate(join(folder, "tls"), NAMES);
    expect(await ensureCertificate(join(folder, "tls"), ["other.example"])).toEqual(made);
  });

  it("is one certificate for several processes that start at once, and leaves nothing else", async () => {
    const tls = join(folder, "tls");
    const made = await Promise.all(Array.from({ length: 8 }, () => ensureCertificate(tls, NAMES)));
    expect(new Set(made.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(await readdir(tls)).toEqual([CERTIFICATE_FILE]);
  });

  it("says when the folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(ensureCertificate(join(folder, "file", "tls"), NAMES)).rejects.toMatchObject({
      message: expect.stringContaining(join(folder, "file", "tls")),
    });
  });

  it("has a DNS name first when only addresses are given", async () => {
    const { names } = await ensureCertificate(join(folder, "tls"), ["192.0.2.7"]);
    expect(names[0]).toBe("localhost");
  });

  it.each(["", "a b", "*.example", "host:8443", "https://x", "ünicode.example", "-x"])(
    "refuses the name %j",
    async (name) => {
      await expect(ensureCertificate(join(folder, "tls"), [name])).rejects.toMatchObject({
        code: "NAME_INVALID",
      });
    },
  );
});

describe("renewCertificate", () => {
  it("keeps key, subject and first DNS name, and adds names", async () => {
    const before = await ensureCertificate(join(folder, "tls"), NAMES);
    const after = await renewCertificate(join(folder, "tls"), { addNames: ["extra.example", "192.0.2.8"] });
    const [old, renewed] = [new X509Certificate(before.pem), new X509Certificate(after.pem)];
    expect(renewed.publicKey.equals(old.publicKey)).toBe(true);
    expect([renewed.subject, renewed.issuer]).toEqual([old.subject, old.issuer]);
    expect(renewed.serialNumber).not.toBe(old.serialNumber);
    expect(after.names[0]).toBe(before.names[0]);
    expect(after.names).toEqual(expect.arrayContaining([...before.names, "extra.example", "192.0.2.8"]));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { key } = await loadCertificate({ certificate: file, key: file });
    expect(createPublicKey(key).equals(old.publicKey)).toBe(true);
  });

  it("says when there is none", async () => {
    await expect(renewCertificate(join(folder, "tls"))).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });

  it("leaves no other files behind when a name is refused", async () => {
    const before = await ensureCertificate(join(folder, "tls"), NAMES);
    await expect(renewCertificate(join(folder, "tls"), { addNames: ["a b"] })).rejects.toMatchObject({
      code: "NAME_INVALID",
    });
    expect(describeCertificate(await readFile(file, "utf8"), file)).toEqual(before);
  });
});

describe("loadCertificate", () => {
  it.each([
    ["nothing that is a certificate", "hello", undefined],
    ["no key", "certificate only", undefined],
    ["a key of another", "certificate", "other"],
  ])("refuses %s", async (_, certificate, key) => {
    const own = await ensureCertificate(join(folder, "tls"), NAMES);
    await ensureCertificate(join(folder, "other"), NAMES);
    const certificateFile = join(folder, "c.pem");
    await writeFile(certificateFile, certificate.startsWith("certificate") ? own.pem : certificate);
    const keyFile = key === undefined ? certificateFile : join(folder, "other", CERTIFICATE_FILE);
    await expect(loadCertificate({ certificate: certificateFile, key: keyFile })).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });

  it("names the file that cannot be read", async () => {
    await expect(
      loadCertificate({ certificate: join(folder, "none"), key: join(folder, "none") }),
    ).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringContaining(join(folder, "none")),
    });
  });
});

describe("a client that trusts the certificate", () => {
  it("accepts it as its own root, under the first DNS name as Go clients ask, and under every other one", async () => {
    const store = createMemoryStore();
    await publish(store, {});
    const site = await startSite({ store });
    try {
      const pem = join(folder, "ca.pem");
      await writeFile(pem, site.ca);
      const { stdout } = await run("openssl", [
        "verify",
        "-CAfile",
        pem,
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "images.example",
        pem,
      ]);
      expect(stdout).toContain("OK");
      for (const host of ["images.example", "localhost", "127.0.0.1"]) {
        const url = `https://${host}:${site.port}/healthz`;
        const answer = await run("curl", [
          "-sS",
          "--noproxy",
          "*",
          "--cacert",
          pem,
          "--resolve",
          `${host}:${site.port}:127.0.0.1`,
          url,
        ]);
        expect(answer.stdout).toContain('"ok"');
      }
      const stranger = run("curl", ["-sS", "--noproxy", "*", `https://127.0.0.1:${site.port}/healthz`]);
      await expect(stranger).rejects.toMatchObject({ code: 60 });
      await until(() => site.server.counters.failedHandshakes > 0);
      expect(site.log.lines.filter(({ level }) => level !== "info")).toEqual([]);
    } finally {
      await site.close();
    }
  });

  it("sees a renewed one soon, and a broken one never", async () => {
    const site = await startSite();
    try {
      const seen = (): Promise<string> =>
        new Promise((resolve, reject) => {
          const socket = connectTls({ port: site.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
            resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
            socket.destroy();
          });
          socket.on("error", reject);
        });
      const first = await seen();
      await renewCertificate(site.tlsFolder, { addNames: ["more.example"] });
      await until(async () => (await seen()) !== first);
      const second = await seen();
      await writeFile(join(site.tlsFolder, CERTIFICATE_FILE), "-----BEGIN CERTIFICATE-----\nhalf");
      await until(() => site.log.lines.some(({ level }) => level === "error"));
      expect(await seen()).toBe(second);
    } finally {
      await site.close();
    }
  });
});
