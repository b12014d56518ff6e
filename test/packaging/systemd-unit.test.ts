import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const isMissing = spawnSync("systemd-analyze", ["--version"]).error !== undefined;
if (isMissing) console.warn("skipped: systemd-analyze is not installed (Debian package systemd)");

describe("packaging", () => {
  it("gives rights to daemons to the followers alone", () => {
    expect(readFileSync("packaging/headwater.service", "utf8")).not.toMatch(/^SupplementaryGroups=/m);
    for (const project of ["incus", "lxd"]) {
      const group = readFileSync(`packaging/headwater-pull@${project}.service.d/socket.conf`, "utf8");
      expect(group).toMatch(/^SupplementaryGroups=\S+$/m);
    }
  });
});

describe("packaging/headwater.service", () => {
  it("lets the server put what it makes in the background behind everything else", () => {
    const filters = [
      ...readFileSync("packaging/headwater.service", "utf8").matchAll(/^SystemCallFilter=(.*)$/gm),
    ];
    expect(filters.at(-1)?.[1]).toBe("setpriority");
  });
});

describe.each(["headwater.service", "headwater-pull@.service"])("packaging/%s", (name) => {
  const UNIT = readFileSync(join("packaging", name), "utf8");
  let folder: string;
  let file: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "headwater-unit-"));
    file = join(folder, name.replace("@.", "@incus."));
    // The program need not be installed where this test runs.
    writeFileSync(file, UNIT.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("gives running downloads their 60 seconds", () => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(UNIT)?.[1])).toBeGreaterThan(60);
  });

  it("does not forbid memory that is written and then run, without which V8 cannot work", () => {
    expect(UNIT).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });

  it.skipIf(isMissing)("is a unit that systemd takes without a warning", () => {
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it.skipIf(isMissing)("leaves little exposed, as systemd counts it", () => {
    const { status, stdout, stderr } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", "--no-pager", "--threshold=20", file],
      { encoding: "utf8" },
    );
    expect({ status, stderr }, stdout).toMatchObject({ status: 0 });
  });
});
