import type { ImageRow } from "../views/image-rows.ts";
import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { printData } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** Everything about some images: a block of lines each, or the rows as data. */
export async function printImages(io: Io, format: Format, images: readonly ImageRow[]): Promise<void> {
  if (format === "json" || format === "yaml") {
    await printData(io, format, images);
    return;
  }
  io.stdout.write(images.map(blockOf).join("\n"));
}

function blockOf(image: ImageRow): string {
  const facts: readonly (readonly [string, string])[] = [
    ["Product", image.product],
    ["Version", image.newest ? `${image.version} (the newest: what the aliases mean)` : image.version],
    ["Fingerprint", image.fingerprint],
    ["Type", `${image.type}, ${image.root}`],
    ["Title", [image.os, image.title].filter((word) => word !== "").join(" ")],
    ["Label", image.label],
    ["Listed by", image.dialects.join(", ")],
    ["Image stream", image.stream],
    ["Download", readableSize(image.size)],
    ...image.aliases.map((alias) => ["Alias", alias] as const),
    ...Object.entries(image.requirements).map(([key, value]) => ["Requires", `${key}=${value}`] as const),
    ...image.files.map(
      (file) => ["File", `${file.path} (${file.ftype}, ${readableSize(file.size)})\n${file.sha256}`] as const,
    ),
  ];
  const shown = facts.filter(([, value]) => value !== "");
  return shown.map(([name, value]) => `${`${name}:`.padEnd(14)}${indented(value)}\n`).join("");
}

/** Foreign text made visible; a second line of our own goes under the first. */
function indented(value: string): string {
  return value
    .split("\n")
    .map(visible)
    .join(`\n${" ".repeat(14)}`);
}
