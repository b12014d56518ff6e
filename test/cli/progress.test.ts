import { describe, expect, it } from "vitest";
import { progressLine } from "../../src/cli/progress.ts";
import { fakeIo } from "./fake-io.ts";

function drawn(options: { isTTY: boolean; quiet?: boolean }, seconds: number): string {
  const io = fakeIo({ isTTY: options.isTTY });
  let now = 0;
  const line = progressLine(io, { quiet: options.quiet ?? false }, () => now);
  for (; now <= seconds * 1000; now += 250)
    line.update({ label: "root\u001b", done: now * 1024, total: 4096 * 1024 });
  line.end();
  return io.stderrText();
}

describe("progressLine", () => {
  it("stays silent for what takes less than a second", () => {
    expect(drawn({ isTTY: true }, 0.75)).toBe("");
  });

  it("draws a bar for what takes longer, and takes it away", () => {
    const text = drawn({ isTTY: true }, 2);
    expect(text).toContain("root\\u001b [############............] 48% of 4 MiB 1000 KiB/s");
    expect(text.endsWith("\r\u001b[K")).toBe(true);
  });

  it("stays silent where nobody looks, and with --quiet", () => {
    expect(drawn({ isTTY: false }, 3)).toBe("");
    expect(drawn({ isTTY: true, quiet: true }, 3)).toBe("");
  });
});
