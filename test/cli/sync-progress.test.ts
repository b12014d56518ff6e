import { describe, expect, it } from "vitest";
import { readableTime, SyncProgress } from "../../src/cli/sync-progress.ts";
import { fakeIo } from "./fake-io.ts";

function drawn(options: { readonly isTTY: boolean; readonly quiet?: boolean }): string {
  const io = fakeIo({ isTTY: options.isTTY });
  let now = 0;
  const progress = new SyncProgress(io, { quiet: options.quiet ?? false }, () => now);
  progress.begin("up");
  progress.onEvent({ kind: "planned", files: 2, bytes: 4 * 1024 * 1024 });
  progress.onEvent({ kind: "begin", path: "a\u001b", size: 2 * 1024 * 1024 });
  now = 1000;
  progress.onEvent({ kind: "progress", path: "a\u001b", written: 1024 * 1024 });
  progress.end();
  return io.stderrText();
}

describe("the bars of a sync", () => {
  it("show each file, and all of them with the time that is left; then they are gone", () => {
    const text = drawn({ isTTY: true });
    expect(text).toContain("[############............]  50% of 2 MiB a\\u001b");
    expect(text).toContain("up: [######..................]  25% of 4 MiB, 0 of 2 files, 1 MiB/s, 3 s left");
    expect(text.endsWith("\u001b[J")).toBe(true);
  });

  it("are silent where nobody looks, and with --quiet", () => {
    expect(drawn({ isTTY: false })).toBe("");
    expect(drawn({ isTTY: true, quiet: true })).toBe("");
  });

  it("tell time as a person does", () => {
    expect([3, 89, 100, 3600, 9000, Number.POSITIVE_INFINITY].map(readableTime)).toEqual([
      "3 s",
      "89 s",
      "2 min",
      "60 min",
      "2 h 30 min",
      "a while",
    ]);
  });
});
