import type { ImageRow } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";
import { type ClientView, clientViewLines, clientViewsOf } from "./client-views.ts";
import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { printData } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

export interface ShownImage extends ImageRow {
  readonly clients: readonly ClientView[];
}

/** An image together with what every client makes of it. */
export function withClients(image: ImageRow, streams: readonly ImageStream[]): ShownImage {
  const file = streams.find(({ name }) => name === image.stream)?.products;
  return { ...image, clients: file === undefined ? [] : clientViewsOf(file, image) };
}

/** Everything about some images: a block of lines each, or the rows as data. */
export async function printImages(io: Io, format: Format, images: readonly ShownImage[]): Promise<void> {
  if (format === "json" || format === "yaml") {
    await printData(io, format, images);
    return;
  }
  io.stdout.write(images.map(blockOf).join("\n"));
}

function blockOf(image: ShownImage): string {
  const facts: readonly (readonly [string, string])[] = [
    ["Product", image.product],
    ["Version", image.newest ? `${image.version} (the newest: what the aliases mean)` : image.version],
    ["Fingerprint", image.fingerprint],
    ["Type", `${image.type}, ${image.root}`],
    ["Title", [image.os, image.title].filter((word) => word !== "").join(" ")],
    ["Label", image.label],
    ["Listed by", image.dialects.join(", ")],
    ["Image stream", image.stream],
    ["Origin", originText(image)],
    ["Download", readableSize(image.size)],
    ...image.aliases.map((alias) => ["Alias", alias] as const),
    ...Object.entries(image.requirements).map(([key, value]) => ["Requires", `${key}=${value}`] as const),
    ...image.files.map(
      (file) => ["File", `${file.path} (${file.ftype}, ${readableSize(file.size)})\n${file.sha256}`] as const,
    ),
    ...image.deltas.map(
      (delta) =>
        [
          "Delta",
          `${delta.path} (from ${delta.base}, ${readableSize(delta.size)})\n${delta.sha256}`,
        ] as const,
    ),
  ];
  const shown = facts.filter(([, value]) => value !== "");
  const lines = shown.map(([name, value]) => `${`${name}:`.padEnd(14)}${indented(value)}\n`);
  const views = ["Clients list it as:", ...clientViewLines(image.clients)];
  return [...lines, ...views.map((line) => `${visible(line)}\n`)].join("");
}

function originText({ origin, held, seen, daemon }: ShownImage): string {
  if (origin !== "own")
    return `${origin}, ${held ? "held" : "at the upstream"}, last seen there ${seen ?? ""}`;
  if (daemon === null) return "added from files";
  const { upstream } = daemon;
  const before =
    upstream === undefined ? "" : `, which has it from ${[upstream.server, upstream.alias].join(" ").trim()}`;
  return `taken from ${daemon.daemon} on ${daemon.server} at ${daemon.pulled_at}${before}`;
}

/** Foreign text made visible; a second line of our own goes under the first. */
function indented(value: string): string {
  return value
    .split("\n")
    .map(visible)
    .join(`\n${" ".repeat(14)}`);
}
