import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { parseListenAddress } from "../../src/config/listen-address.ts";
import { cannotListen } from "../../src/server/listener.ts";
import { ask } from "./ask.ts";
import type { Site } from "./site.ts";
import { publish, startSite, until } from "./site.ts";

const sites: Site[] = [];
async function start(options: Parameters<typeof startSite>[0] = {}): ReturnType<typeof startSite> {
  const site = await startSite(options);
  sites.push(site);
  return site;
}
afterEach(async () => {
  await Promise.all(sites.splice(0).map((each) => each.close()));
});

/** Resolves with the protocol that was agreed on, or the code of the error. */
function handshake(port: number, version: "TLSv1.2" | "TLSv1.3"): Promise<string | null> {
  return new Promise((resolve) => {
    const options = {
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      maxVersion: version,
    } as const;
    const socket = connectTls(options, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
}

describe("a listener", () => {
  it("speaks TLS 1.3, refuses and counts what is older, and says so once", async () => {
    const { port, server, log } = await start();
    expect(await handshake(port, "TLSv1.3")).toBe("TLSv1.3");
    for (let count = 1; count <= 3; count++) {
      expect(await handshake(port, "TLSv1.2")).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
      await until(() => server.counters.refusedTlsVersions === count);
    }
    expect(log.lines.filter(({ message }) => message.includes("TLS 1.2"))).toHaveLength(1);
  });

  it("answers on IPv4 and IPv6 when no host is given", async () => {
    const { port, ca, store, server } = await start({ listen: [parseListenAddress(":0")] });
    await publish(store, {});
    await until(() => server.counters.generation === 1);
    expect((await ask("/healthz", { port, ca })).status).toBe(200);
    const six = await new Promise((resolve) => {
      const socket = connectTls({ port, host: "::1", ca, servername: "localhost" }, () => {
        resolve(socket.authorized);
        socket.destroy();
      });
      socket.on("error", resolve);
    });
    expect(six).toBe(true);
  });

  it("may be several", async () => {
    const { server } = await start({
      listen: ["127.0.0.1:0", "[::1]:0", "http://127.0.0.1:0"].map(parseListenAddress),
    });
    expect(server.addresses.map(({ address, kind }) => [address, kind])).toEqual([
      ["127.0.0.1", "tls"],
      ["::1", "tls"],
      ["127.0.0.1", "proxied"],
    ]);
  });

  it("names the address that is in use, and closes those it opened before", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const listen = ["127.0.0.1:0", `127.0.0.1:${port}`].map(parseListenAddress);
    await expect(startSite({ listen })).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    other.close();
  });

  it("says on 8443 who is likely to hold it", async () => {
    const other = createServer();
    const isFree = await new Promise((resolve) => {
      // An LXD or Incus of this machine is as good.
      other.once("error", () => resolve(false)).listen(8443, "127.0.0.1", () => resolve(true));
    });
    await expect(startSite({ listen: [parseListenAddress("127.0.0.1:8443")] })).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      hint: expect.stringContaining("--listen :8444"),
    });
    if (isFree === true) other.close();
  });

  it("says when an address is not one of this machine", async () => {
    for (const text of ["192.0.2.1:0", "no-such-host.invalid:0"]) {
      await expect(startSite({ listen: [parseListenAddress(text)] })).rejects.toMatchObject({
        code: "ADDRESS_UNUSABLE",
        message: expect.stringContaining(text),
      });
    }
  });

  it("warns when everything is sent in clear to other machines", async () => {
    const { log } = await start({ listen: [parseListenAddress("http://0.0.0.0:0")] });
    expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  it("needs a certificate for TLS", async () => {
    await expect(startSite({ certificate: undefined })).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("a listener on port 443", () => {
  const canBind = (port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });

  it("answers on port 80 as well, or warns", async (context) => {
    if (!(await canBind(443)) || !(await canBind(80))) {
      context.skip("ports 80 and 443 of 127.0.0.1 are in use, or need a privilege");
    }
    const listen = [parseListenAddress("127.0.0.1:443")];
    const first = await startSite({ listen, url: undefined });
    try {
      expect(first.server.addresses.map(({ port, kind }) => [port, kind])).toEqual([
        [443, "tls"],
        [80, "clear"],
      ]);
      const answer = await ask("/streams/v1/index.json", { port: 80, headers: { Host: "images.example" } });
      expect([answer.status, answer.headers.location]).toEqual([
        308,
        "https://images.example/streams/v1/index.json",
      ]);
    } finally {
      await first.close();
    }
    const other = createServer().listen(80, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const second = await startSite({ listen });
    expect(second.log.lines).toMatchObject([{ level: "warn", message: expect.stringContaining("port 80") }]);
    await second.close();
    other.close();
  });

  it("names the ways to a low port when it may not have it", () => {
    const denied = Object.assign(new Error("listen EACCES"), { code: "EACCES" });
    expect(cannotListen(parseListenAddress(":443"), denied)).toMatchObject({
      code: "ADDRESS_UNUSABLE",
      hint: expect.stringContaining("CAP_NET_BIND_SERVICE"),
    });
  });
});

describe("the page", () => {
  it("tells what to type on every kind of client, with the certificate", async () => {
    const { port, ca, store, server } = await start();
    await publish(store, {});
    await until(() => server.counters.generation === 1);
    const page = (await ask("/", { port, ca })).body.toString();
    for (const words of [
      "incus remote add hw https://images.example:8443 --protocol simplestreams",
      "lxc remote add hw",
      "~/.config/incus/servercerts/hw.crt",
      "~/snap/lxd/common/config/servercerts/hw.crt",
      ca.trim(),
    ]) {
      expect(page).toContain(words);
    }
    expect((await ask("/ca.pem", { port, ca })).body.toString().trim()).toBe(ca.trim());
  });

  it("names the host that was asked for only when it is in the certificate", async () => {
    const { proxied, port } = await start({ url: undefined });
    const asked = async (host: string): Promise<string> =>
      (await ask("/", { port: proxied, headers: { Host: host } })).body.toString();
    expect(await asked(`localhost:${port}`)).toContain(`https://localhost:${port} `);
    expect(await asked("$(reboot).example")).toContain("https://images.example ");
    expect(await asked("$(reboot).example")).not.toContain("reboot");
  });
});
