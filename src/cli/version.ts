import { readFileSync } from "node:fs";

/** The version of this program, from its package.json: two folders up, from `src/cli` and from `dist/cli` alike. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
