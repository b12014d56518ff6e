import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Site, temporarySite } from "./site.ts";
import { type Started, startCommand } from "./start.ts";

let site: Site;
beforeEach(async () => {
  site = await temporarySite();
});
afterEach(() => site.remove());

function start(argv: readonly string[], env: Record<string, string> = {}): Promise<Started> {
  return startCommand(argv, { folder: site.folder, env });
}

interface ServingFacts {
  readonly url: string;
  readonly generation: number | null;
  readonly addresses: readonly { readonly port: number }[];
  readonly certificate: { readonly pem: string; readonly names: readonly string[] };
}

/** A document, fetched as a client does that has the certificate pinned: any address, the certificate's first name. */
function fetchPinned(facts: ServingFacts, path: string): Promise<{ status: number; body: string }> {
  const { pem, names } = facts.certificate;
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: facts.addresses[0]?.port,
      path,
      ca: pem,
      servername: names[0] ?? "",
    };
    const outgoing = request({ ...options, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

const LOOPBACK = ["--listen", "127.0.0.1:0"];

describe("headwater serve", () => {
  it("renders what is listed anew when an older version published it, and says so in the history", async () => {
    await site.json("add", ...(await site.files("a")));
    const file = join(site.data, "generations", "0000000001.json");
    const older = JSON.parse(readFileSync(file, "utf8")) as { rules: number };
    writeFileSync(file, JSON.stringify({ ...older, rules: older.rules - 1 }));
    const serving = await start(["serve", "--data", site.data, "--listen", "127.0.0.1:0", "--json"]);
    const facts = JSON.parse(serving.io.stdoutText()) as ServingFacts;
    expect(facts.generation).toBe(2);
    expect((await fetchPinned(facts, "/streams/v1/images.json")).body).toContain("tiny:1:default:amd64");
    expect(await serving.stop()).toBe(0);
  });

  it("serves what was added, to a client that trusts the printed certificate, until Ctrl-C, and ends with 0", async () => {
    await site.json("add", ...(await site.files("a")));
    const serving = await start([
      "serve",
      "--data",
      site.data,
      ...LOOPBACK,
      "--name",
      "images.example",
      "--json",
    ]);
    const facts = JSON.parse(serving.io.stdoutText()) as ServingFacts;
    expect(facts).toMatchObject({ store: site.data, generation: 1 });
    expect(facts.certificate.names).toEqual(
      expect.arrayContaining(["images.example", "localhost", "127.0.0.1", "::1"]),
    );
    const { status, body } = await fetchPinned(facts, "/streams/v1/images.json");
    expect({ status, products: Object.keys((JSON.parse(body) as { products: object }).products) }).toEqual({
      status: 200,
      products: ["tiny:1:default:amd64"],
    });
    expect(await serving.stop()).toBe(0);
  });

  it("prints commands for all three kinds of client, with the certificate inline, under the given URL", async () => {
    const url = "https://images.example:8443";
    const serving = await start(["serve", "--data", site.data, ...LOOPBACK, "--url", url]);
    const text = serving.io.stdoutText();
    expect(await serving.stop()).toBe(0);
    expect(text).toContain("Nothing has been added yet");
    for (const folder of ["~/.config/incus", "~/.config/lxc", "~/snap/lxd/common/config"]) {
      expect(text).toContain(`cat > ${folder}/servercerts/hw.crt <<'EOF'\n-----BEGIN CERTIFICATE-----\n`);
    }
    expect(text).toContain(`incus remote add hw ${url} --protocol simplestreams\n`);
    expect(text).toContain(`lxc remote add hw ${url} --protocol simplestreams\n`);
    expect(text).not.toContain("For a CI");
    expect(serving.io.stderrText()).toContain("Stopping.");
  });

  it("tells where a CI finds what is served at this moment, and no other", async () => {
    await site.json("add", ...(await site.files("a")));
    const url = "https://images.example:8443/";
    const serving = await start(["serve", "--data", site.data, ...LOOPBACK, "--url", url]);
    expect(await serving.stop()).toBe(0);
    expect(serving.io.stdoutText()).toContain(
      "For a CI, the images of this moment and no others: https://images.example:8443/@1, while generation 1 is kept.",
    );
  });

  it("prints no certificate of its own where a proxy does TLS", async () => {
    const proxied = ["--listen", "http://127.0.0.1:0", "--url", "https://images.example"];
    const serving = await start(["serve", "--data", site.data, ...proxied]);
    const text = serving.io.stdoutText();
    await serving.stop();
    expect(text).toContain("incus remote add hw https://images.example --protocol simplestreams");
    expect(text).not.toContain("CERTIFICATE");
    expect(existsSync(join(site.data, "tls"))).toBe(false);
  });

  it("takes settings from headwater.yaml, and refuses a wrong one with its line and status 2", async () => {
    await site.json("add", ...(await site.files("a")));
    writeFileSync(
      join(site.data, "headwater.yaml"),
      "listen: ['127.0.0.1:0']\nnames: [from-the-file.example]\n",
    );
    const serving = await start(["serve", "--data", site.data]);
    expect(serving.io.stdoutText()).toMatch(/https:\/\/from-the-file\.example:\d+ /);
    await serving.stop();
    writeFileSync(join(site.data, "headwater.yaml"), "# mine\nlisen: [':1']\n");
    expect(await site.run(["serve"])).toMatchObject({
      status: 2,
      stdout: "",
      stderr: `headwater: ${site.data}/headwater.yaml, line 2: there is no setting "lisen"\n  Did you mean "listen"?\n`,
    });
  });

  it("says in one sentence that an address is taken, and ends with 8", async () => {
    const other = createServer();
    const port = await listenAnywhere(other);
    const { status, stderr } = await site.run(["serve", "--listen", `127.0.0.1:${port}`]);
    await new Promise((resolve) => other.close(resolve));
    expect(status).toBe(8);
    expect(stderr).toMatch(/headwater: .*127\.0\.0\.1.*\n {2}.*--listen/);
  });
});

function listenAnywhere(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

describe("headwater demo", () => {
  it("serves its own sample for both architectures from a store of its own, time and again", async () => {
    for (const _ of ["first", "again"]) {
      const serving = await start(["demo", ...LOOPBACK, "--json"], {
        XDG_CACHE_HOME: join(site.folder, "cache"),
      });
      const facts = JSON.parse(serving.io.stdoutText()) as ServingFacts & { readonly store: string };
      expect(facts.store).toBe(join(site.folder, "cache", "headwater", "demo"));
      expect(facts.url).toMatch(/^https:\/\/localhost:\d+$/);
      expect(facts.generation).toBe(2);
      const { body } = await fetchPinned(facts, "/streams/v1/images.json");
      const { products } = JSON.parse(body) as { products: Record<string, { aliases: string }> };
      expect(Object.keys(products)).toEqual(["headwater:demo:default:amd64", "headwater:demo:default:arm64"]);
      expect(await serving.stop()).toBe(0);
    }
  });

  it("prints what to type to launch it", async () => {
    const serving = await start(["demo", ...LOOPBACK, "--data", site.data]);
    const text = serving.io.stdoutText();
    await serving.stop();
    expect(text).toContain("incus launch hw:headwater/demo first\n");
    expect(text).toContain("lxc launch hw:headwater/demo first\n");
  });
});

describe("headwater certificate", () => {
  beforeEach(async () => {
    await site.json("add", ...(await site.files("a")));
    await (await start(["serve", "--data", site.data, ...LOOPBACK, "--name", "first.example"])).stop();
  });

  it("shows names and the commands for clients", async () => {
    const { status, stdout } = await site.run(["certificate", "show"]);
    expect(status).toBe(0);
    expect(stdout).toContain("Names:        first.example, ");
    expect(stdout).toContain("incus remote add hw https://first.example:8443 --protocol simplestreams");
  });

  it("is issued again with the same key and the first name kept, and remembers the new name", async () => {
    const before = (await site.json("certificate", "show")) as { pem: string };
    const after = (await site.json("certificate", "renew", "--name", "second.example")) as {
      pem: string;
      names: string[];
    };
    expect(after.names.slice(0, 1)).toEqual(["first.example"]);
    expect(after.names).toContain("second.example");
    const [old, renewed] = [before.pem, after.pem].map((pem) => new X509Certificate(pem));
    expect(renewed?.fingerprint256).not.toBe(old?.fingerprint256);
    expect(renewed?.publicKey.equals(old?.publicKey ?? renewed.publicKey)).toBe(true);
    expect(readFileSync(join(site.data, "headwater.yaml"), "utf8")).toBe("names:\n  - second.example\n");
  });

  it("is not Headwater's to renew when it comes from elsewhere", async () => {
    writeFileSync(join(site.data, "headwater.yaml"), "certificate:\n  file: their.pem\n  key: their.key\n");
    expect(await site.run(["certificate", "renew"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(join(site.data, "their.pem")),
    });
    expect((await site.run(["certificate", "show"])).status).toBe(4);
  });
});
