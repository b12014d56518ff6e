import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setInConfig } from "../../src/config/edit.ts";
import { loadConfig } from "../../src/config/load.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-config-"));
  file = join(folder, "headwater.yaml");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("loadConfig", () => {
  it("has a default for everything when there is no file", async () => {
    expect(await loadConfig({ file })).toEqual({
      listen: [{ kind: "tls", host: undefined, port: 8443 }],
      plain: "upstream",
      workers: 1,
      grace: 86_400_000,
      names: [],
      lxc: false,
      metrics: "off",
      deltas: false,
      deltaMaxSize: 1024 ** 3,
      signing: {},
      upstreams: {},
    });
  });

  it("reads every setting", async () => {
    await writeFile(
      file,
      [
        "listen: [':8444', 'http://127.0.0.1:8080', '[::1]:0']",
        "url: https://images.example:8444/",
        "plain: off",
        "workers: 2",
        "grace: 90m",
        "names: [images.example, images]",
        "certificate: {file: /etc/tls/cert.pem, key: /etc/tls/key.pem}",
        "metrics: http://127.0.0.1:9101",
        "lxc: [images, carried]",
        "deltas: true",
        "deltaMaxSize: 500MB",
        "signing: {gpg: 0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567, gpgHome: /srv/gnupg, passphraseFile: /run/pass}",
        "upstreams:",
        "  ubuntu: {preset: ubuntu, mode: mirror, lxc: true, keep: 2, keepDropped: 30d, bandwidth: 20MB, maxSize: 1.5GiB}",
      ].join("\n"),
    );
    expect(await loadConfig({ file })).toEqual({
      listen: [
        { kind: "tls", host: undefined, port: 8444 },
        { kind: "proxied", host: "127.0.0.1", port: 8080 },
        { kind: "tls", host: "::1", port: 0 },
      ],
      url: "https://images.example:8444",
      plain: "off",
      workers: 2,
      grace: 5_400_000,
      names: ["images.example", "images"],
      certificate: { file: "/etc/tls/cert.pem", key: "/etc/tls/key.pem" },
      metrics: { kind: "proxied", host: "127.0.0.1", port: 9101 },
      lxc: ["images", "carried"],
      deltas: true,
      deltaMaxSize: 500_000_000,
      signing: {
        gpg: "0123456789ABCDEF0123456789ABCDEF01234567",
        gpgHome: "/srv/gnupg",
        passphraseFile: "/run/pass",
      },
      upstreams: {
        ubuntu: {
          preset: "ubuntu",
          mode: "mirror",
          keep: 2,
          keepDropped: 30 * 86_400_000,
          aliasPrefix: "",
          lxc: true,
          offline: false,
          alternates: [],
          allowRedirect: [],
          bandwidth: 20_000_000,
          parallel: 4,
          maxSize: 1.5 * 1024 ** 3,
          believeOlderAfter: 6 * 3_600_000,
        },
      },
    });
  });

  it.each([
    ["no address", "{mode: cache}", "either a url or a preset"],
    ["two", "{url: https://a.example, preset: ubuntu}", "either a url or a preset"],
    ["plain http", "{url: http://a.example}", "expected an address such as https"],
    ["a password in an address", "{url: https://a:b@a.example}", "without a password in it"],
    ["signatures without keys", "{preset: ubuntu, signatures: required}", "needs a keyring"],
    ["LXC of a cache", "{preset: ubuntu, lxc: true}", "lxc: true needs mode: mirror"],
    ["a size that is none", "{preset: ubuntu, maxSize: much}", "not an amount of bytes"],
    ["a setting that is none", "{preset: ubuntu, kep: 2}", 'no setting "upstreams.u.kep"'],
  ])("refuses an upstream with %s", async (_what, upstream, message) => {
    await writeFile(file, `upstreams:\n  u: ${upstream}\n`);
    await expect(loadConfig({ file })).rejects.toThrow(message);
  });

  it("refuses an upstream with a name that URLs need", async () => {
    for (const name of ["streams", "images", "1.0", "Upper"]) {
      await writeFile(file, `upstreams:\n  ${name}: {preset: ubuntu}\n`);
      await expect(loadConfig({ file })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });

  it("prefers flags to the environment, and the environment to the file", async () => {
    await writeFile(file, "workers: 2\ngrace: 1h\nplain: all\n");
    const config = await loadConfig({
      file,
      environment: {
        HEADWATER_WORKERS: "3",
        HEADWATER_GRACE: "2h",
        HEADWATER_PLAIN: "",
        HEADWATER_DELTAS: "true",
        HEADWATER_LXC: "true",
      },
      flags: { workers: 4, grace: undefined },
    });
    expect(config).toMatchObject({ workers: 4, grace: 7_200_000, plain: "all", deltas: true, lxc: true });
  });

  it("takes one file of a certificate from the environment and the other from the file", async () => {
    await writeFile(file, "certificate:\n  file: a.pem\n");
    const config = await loadConfig({ file, environment: { HEADWATER_CERTIFICATE_KEY: "b.pem" } });
    expect(config.certificate).toEqual({ file: "a.pem", key: "b.pem" });
  });

  it.each([
    ["plain: on-sundays", "line 1: plain: "],
    ["# a comment\n\nlistne: [':8443']", 'line 3: there is no setting "listne"'],
    ["certificate:\n  file: a\n  key: b\n  kee: c", 'line 4: there is no setting "certificate.kee"'],
    ["workers: 1\nworkers: 2", "line 2: "],
    ["workers: [", "line 1: "],
    ["- a list", "line 1: expected settings"],
    ["listen: [':99999']", 'line 1: listen.0: ":99999" is not an address'],
    ["url: http://images.example", "line 1: url: expected an address"],
    ["url: https://user:secret@images.example", "line 1: url: expected an address"],
    ["grace: soon", 'line 1: grace: "soon" is not a length of time'],
    ["workers: 0", "line 1: workers: "],
    ["a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]", ""],
  ])("refuses %j and says where", async (text, message) => {
    await writeFile(file, text);
    await expect(loadConfig({ file })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(message),
    });
  });

  it("names the setting that was probably meant", async () => {
    await writeFile(file, "lisen: [':8443']\n");
    await expect(loadConfig({ file })).rejects.toMatchObject({ hint: 'Did you mean "listen"?' });
  });

  it("names the variable or the option that holds a bad value", async () => {
    await expect(loadConfig({ file, environment: { HEADWATER_PLAIN: "maybe" } })).rejects.toMatchObject({
      message: expect.stringContaining("the variable HEADWATER_PLAIN: Invalid option"),
    });
    await expect(loadConfig({ file, flags: { listen: ["8443"] } })).rejects.toMatchObject({
      message: expect.stringContaining('the option --listen: "8443" is not an address'),
    });
  });

  it("refuses a file that was asked for and is not there", async () => {
    await expect(loadConfig({ file, isRequired: true })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("setInConfig", () => {
  it("changes one setting and keeps the comments and the order", async () => {
    await writeFile(file, "# where we live\nurl: https://a.example # old\n\n# how long\ngrace: 24h\n");
    await setInConfig(file, ["names"], ["a.example", "b.example"]);
    await setInConfig(file, ["url"], "https://b.example");
    expect(await readFile(file, "utf8")).toBe(
      "# where we live\nurl: https://b.example # old\n\n# how long\ngrace: 24h\nnames:\n  - a.example\n  - b.example\n",
    );
    expect(await loadConfig({ file })).toMatchObject({
      url: "https://b.example",
      names: ["a.example", "b.example"],
    });
  });

  it("makes the file when there is none, and leaves a broken one alone", async () => {
    await setInConfig(file, ["workers"], 2);
    expect(await readFile(file, "utf8")).toBe("workers: 2\n");
    await writeFile(file, "workers: [\n");
    await expect(setInConfig(file, ["workers"], 3)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(await readFile(file, "utf8")).toBe("workers: [\n");
  });
});
