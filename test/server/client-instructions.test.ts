import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureCertificate } from "../../src/server/certificate.ts";
import { clientInstructions, clientInstructionsText } from "../../src/server/client-instructions.ts";

/** No certificate, but what a shell might stumble over. */
const PEM = "-----BEGIN CERTIFICATE-----\nMIIBqDCCAU2g+/A=\n$HOME `id`\n-----END CERTIFICATE-----\n";
const URL = "https://images.example:8443";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "headwater-client-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Pastes commands into a shell whose clients only say what they were asked, one word in brackets each. */
function pasted(commands: string): string {
  const echo = 'printf "[%s]" "$@"; echo';
  const script = `incus() { ${echo}; }; lxc() { ${echo}; }\n${commands}`;
  return execFileSync("bash", ["--norc", "--noprofile", "-eu", "-c", script], {
    encoding: "utf8",
    env: { HOME: home, PATH: process.env["PATH"] },
  });
}

describe("clientInstructions", () => {
  it.each([
    ["incus", ".config/incus/servercerts/hw.crt"],
    ["lxd", ".config/lxc/servercerts/hw.crt"],
    ["lxd-snap", "snap/lxd/common/config/servercerts/hw.crt"],
  ])("can be pasted on a client with %s: certificate in its place, remote added", (client, file) => {
    const found = clientInstructions({ url: URL, certificate: PEM }).find((one) => one.client === client);
    expect(pasted(found?.commands ?? "")).toBe(
      `[remote][add][hw][${URL}][--protocol][simplestreams]\n[image][list][hw:]\n`,
    );
    expect(readFileSync(join(home, file), "utf8")).toBe(PEM);
    expect(found?.certificateFile).toBe(`~/${file}`);
  });

  it("begin with the image API, its question and the answer, unless the server is below a path", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headwater-client-"));
    const { pem, fingerprint } = await ensureCertificate(folder, ["images.example"]);
    const text = clientInstructionsText({
      url: "https://images.example",
      certificate: pem,
      alias: "debian/12",
    });
    for (const [title, program] of [
      ["Incus", "incus"],
      ["LXD", "lxc"],
    ]) {
      const add = `${program} remote add hw https://images.example:443 --public <<'EOF'\n${fingerprint}\nEOF\n`;
      expect(text).toContain(
        `# On a client with ${title}:\n${add}${program} image list hw:\n${program} launch hw:debian/12 first\n`,
      );
    }
    expect(clientInstructionsText({ url: `${URL}/images`, certificate: undefined })).not.toContain(
      "--public",
    );
    rmSync(folder, { recursive: true });
  });

  it("leave the certificate out where the system trusts it", () => {
    const text = clientInstructionsText({ url: URL, certificate: undefined });
    expect(text).not.toContain("EOF");
    expect(text).not.toContain("servercerts");
    expect(text).toContain(`incus remote add hw ${URL}`);
  });

  it("quote what comes from an image for the shell", () => {
    const alias = "a b'; touch $HOME/owned; '";
    const [incus] = clientInstructions({ url: URL, certificate: undefined, alias });
    expect(pasted(incus?.commands ?? "")).toContain(`[launch][hw:${alias}][first]`);
  });
});
