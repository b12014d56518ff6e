import { createHash } from "node:crypto";
import type { Build } from "../../src/intake/build.ts";

/** A build of made-up bytes: the same seed gives the same bytes. */
export function someBuild(seed: string, more: Partial<Build> = {}): Build {
  const hash = (what: string): string => createHash("sha256").update(`${seed} ${what}`).digest("hex");
  return {
    names: { os: "debian", release: "12", variant: "default", arch: "amd64" },
    version: undefined,
    builtAt: new Date("2026-01-02T03:04:05Z"),
    label: undefined,
    releaseTitle: undefined,
    requirements: undefined,
    aliases: [],
    files: {
      kind: "split",
      metadata: { sha256: hash("metadata"), size: 500, extension: "tar.xz" },
      roots: [
        {
          sha256: hash("root"),
          size: 100_000,
          extension: "squashfs",
          ftype: "squashfs",
          fingerprint: hash("fingerprint"),
        },
      ],
    },
    ...more,
  };
}
