import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";

/** An upstream's settings as they are written in the configuration file, without defaults. */
export async function readUpstreamText(file: string, name: string): Promise<Record<string, unknown>> {
  const settings: unknown = parseDocument(await readFile(file, "utf8")).getIn(["upstreams", name]);
  const plain: unknown = isNode(settings) ? settings.toJSON() : settings;
  return typeof plain === "object" && plain !== null ? { ...plain } : {};
}

function isNode(value: unknown): value is { toJSON(): unknown } {
  return typeof value === "object" && value !== null && "toJSON" in value;
}
