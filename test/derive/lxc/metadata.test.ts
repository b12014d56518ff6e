import { describe, expect, it } from "vitest";
import { type DescribedBuild, metadataMembers, secondsOf } from "../../../src/derive/lxc/metadata.ts";

const NONE = { devices: [], templates: [] };
const debian = { os: "Debian", release: "12", arch: "amd64", versions: new Map() };

function partsOf(build: Partial<DescribedBuild>): Record<string, string> {
  const members = metadataMembers({
    fields: debian,
    version: "20260102_0304",
    facts: NONE,
    brought: new Map(),
    ...build,
  });
  return Object.fromEntries(
    members.map(({ name, content }) => [name, Buffer.from(content ?? []).toString()]),
  );
}

describe("the metadata for LXC", () => {
  it("has a configuration for both modes, and one for LXC 1.0 where that has what to include", () => {
    const parts = partsOf({});
    expect(parts["config"]).toBe("lxc.include = LXC_TEMPLATE_CONFIG/common.conf\nlxc.arch = linux64\n");
    expect(parts["config-user"]).toContain("LXC_TEMPLATE_CONFIG/userns.conf\n");
    expect(parts["config.1"]).toContain("LXC_TEMPLATE_CONFIG/debian.common.conf\n");
    expect(parts["config-user.1"]).toContain("LXC_TEMPLATE_CONFIG/debian.userns.conf\n");
    expect(Object.keys(partsOf({ fields: { ...debian, os: "Alpine" } }))).toEqual([
      "config",
      "config-user",
      "create-message",
      "expiry",
    ]);
  });

  it.each([
    ["amd64", "linux64"],
    ["i386", "linux32"],
    ["armhf", "linux32"],
    ["arm64", "linux64"],
    ["riscv64", "linux64"],
  ])("says of %s that it is %s", (arch, said) => {
    expect(partsOf({ fields: { ...debian, arch } })["config"]).toContain(`lxc.arch = ${said}\n`);
  });

  it("has expired when the build was made, so that hosts ask whether there is a newer one", () => {
    expect(partsOf({})["expiry"]).toBe(`${Date.UTC(2026, 0, 2, 3, 4) / 1000}\n`);
    expect(partsOf({ version: "release" })["expiry"]).toBe("0\n");
  });

  it("keeps device nodes from those who cannot make them, however the archive writes their names", () => {
    const facts = { ...NONE, devices: ["dev/null", "var/spool/a b*/dev/log"] };
    expect(partsOf({ facts })["excludes-user"]).toBe(
      "./dev/null\ndev/null\n./var/spool/a?b?/dev/log\nvar/spool/a?b?/dev/log\n",
    );
    expect(partsOf({})).not.toHaveProperty("excludes");
  });

  it("names the templates that there are", () => {
    expect(partsOf({ facts: { ...NONE, templates: ["etc/hostname"] } })["templates"]).toBe("/etc/hostname\n");
    expect(partsOf({})).not.toHaveProperty("templates");
  });

  it("tells who made a container what it is and what to type", () => {
    expect(partsOf({})["create-message"]).toMatch(
      /^You just created a container of debian 12 amd64, build 20260102_0304\.\n/,
    );
  });

  it("is of a time that a tar archive can say, whatever year a version has", () => {
    const seconds = ["19000101_0000", "20260102_0304", "99991231_0000"].map(secondsOf);
    expect(seconds).toEqual([0, 1767323040, 0o77777777777]);
  });

  it("shows no more of a version's name than the index does", () => {
    const parts = partsOf({ version: "20260102_0304\u001B[2J;" });
    expect(parts["create-message"]).toContain("build 20260102_0304-2j.\n");
  });

  it("is what the image brings, file by file with all its variants", () => {
    const brought = new Map([
      ["config", "mine\n"],
      ["excludes-system", "./x\n"],
      ["expiry", "5\n"],
    ]);
    const parts = partsOf({ brought, facts: { ...NONE, devices: ["dev/null"] } });
    expect(parts).toMatchObject({ config: "mine\n", "excludes-system": "./x\n", expiry: "5\n" });
    expect(Object.keys(parts)).toEqual(["config", "create-message", "excludes-system", "expiry"]);
  });

  it("has a configuration that works, though the image brings one for users alone", () => {
    const parts = partsOf({ brought: new Map([["config-user", "half\n"]]) });
    expect(parts["config"]).toContain("common.conf");
    expect(parts["config-user"]).toContain("userns.conf");
  });
});
