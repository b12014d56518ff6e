import { describe, expect, it } from "vitest";
import { cacheFolder, dataFolder } from "../../src/cli/data-folder.ts";
import { fakeIo } from "./fake-io.ts";

const no = () => false;
const yes = () => true;

describe("dataFolder", () => {
  it("is what --data says, relative to where one is, before all else", () => {
    const io = fakeIo({ cwd: "/here", isRoot: true, env: { HEADWATER_DATA: "/elsewhere" } });
    expect(dataFolder(io, { data: "store" }, yes)).toBe("/here/store");
  });

  it("is $HEADWATER_DATA otherwise, unless that is empty", () => {
    expect(dataFolder(fakeIo({ env: { HEADWATER_DATA: "/elsewhere" } }), {}, yes)).toBe("/elsewhere");
    expect(dataFolder(fakeIo({ env: { HEADWATER_DATA: "" } }), {}, yes)).toBe("/var/lib/headwater");
  });

  it("is the system's for root, and for everybody when there is one", () => {
    expect(dataFolder(fakeIo({ isRoot: true }), {}, no)).toBe("/var/lib/headwater");
    expect(dataFolder(fakeIo(), {}, yes)).toBe("/var/lib/headwater");
  });

  it("is the user's own otherwise", () => {
    expect(dataFolder(fakeIo({ home: "/home/you" }), {}, no)).toBe("/home/you/.local/share/headwater");
    expect(dataFolder(fakeIo({ env: { XDG_DATA_HOME: "/data" } }), {}, no)).toBe("/data/headwater");
  });
});

describe("cacheFolder", () => {
  it("follows the XDG rules", () => {
    expect(cacheFolder(fakeIo({ home: "/home/you" }))).toBe("/home/you/.cache/headwater");
    expect(cacheFolder(fakeIo({ env: { XDG_CACHE_HOME: "/cache" } }))).toBe("/cache/headwater");
  });
});
