import { HeadwaterError } from "../error.ts";
import type { UpstreamSettings } from "../config/upstream-schema.ts";
import { PRESETS } from "../config/presets.ts";
import { readUpstreamNote } from "../intake/sync/upstream-note.ts";
import type { Store } from "../store/store.ts";
import { imageRows } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";
import type { GlobalOptions } from "./context.ts";
import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { storeToTry } from "./open-store.ts";
import { type Column, printData } from "./output.ts";
import { readImages } from "./read-images.ts";
import { readSettings } from "./settings.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** An upstream as `upstream list` shows it. No credentials in it. */
export interface UpstreamRow {
  readonly name: string;
  readonly mode: string;
  readonly url: string;
  /** `ok`, `failing`, `offline`, `not synced yet`, or `not configured` for images whose upstream left the configuration, `from a bundle of <date>`. */
  readonly state: string;
  readonly images: number;
  /** Files that are here. */
  readonly heldFiles: number;
  readonly heldBytes: number;
  /** RFC 3339, UTC. */
  readonly lastSuccess: string | null;
  readonly failingSince: string | null;
  readonly error: string | null;
  /** When a running server asks next. */
  readonly nextSync: string | null;
  /** Settings besides name, mode and url. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export const UPSTREAM_COLUMNS: readonly Column<UpstreamRow>[] = [
  { title: "name", value: (row) => row.name },
  { title: "mode", value: (row) => row.mode },
  { title: "url", value: (row) => row.url },
  { title: "images", value: (row) => row.images, align: "right" },
  {
    title: "held",
    value: (row) => row.heldBytes,
    shown: (row) => readableSize(row.heldBytes),
    align: "right",
  },
  { title: "last success", value: (row) => row.lastSuccess },
  {
    title: "state",
    value: (row) => row.state,
    shown: (row) => (row.error === null ? row.state : `${row.state}: ${row.error}`),
  },
];

/** All upstreams, in order of precedence. */
export async function upstreamRows(io: Io, options: GlobalOptions): Promise<UpstreamRow[]> {
  const { config } = await readSettings(io, options);
  const { store, remove } = await storeToTry(io, { ...options, quiet: true });
  try {
    const streams = await readImages(store);
    const configured = Object.entries(config.upstreams);
    const left = streams.filter(
      ({ name, upstream }) => upstream !== undefined && !Object.hasOwn(config.upstreams, name),
    );
    return await Promise.all([
      ...configured.map(([name, settings]) =>
        rowOf(
          store,
          streams.find((stream) => stream.name === name),
          { name, settings },
        ),
      ),
      ...left.map((stream) => rowOf(store, stream, { name: stream.name, settings: undefined })),
    ]);
  } finally {
    await remove();
  }
}

/** One upstream. Throws NOT_FOUND. */
export async function upstreamRow(io: Io, options: GlobalOptions, name: string): Promise<UpstreamRow> {
  const row = (await upstreamRows(io, options)).find((one) => one.name === name);
  if (row !== undefined) return row;
  throw new HeadwaterError("NOT_FOUND", `there is no upstream "${name}"`, {
    hint: "headwater upstream list shows them.",
    details: { name },
  });
}

async function rowOf(
  store: Store,
  stream: ImageStream | undefined,
  { name, settings }: { readonly name: string; readonly settings: UpstreamSettings | undefined },
): Promise<UpstreamRow> {
  const note = await readUpstreamNote(store, name);
  const isFailing = note.lastError !== undefined;
  const held = heldOf(stream);
  const { url, preset, mode, credentials, ...rest } = settings ?? { mode: stream?.origin };
  const known = {
    ...rest,
    ...(credentials === undefined ? {} : { credentials: "(set)" }),
    ...(preset === undefined ? {} : { preset }),
  };
  return {
    name,
    mode: mode ?? "",
    url: url ?? PRESETS.get(preset ?? "")?.url ?? stream?.upstream?.record.url ?? "",
    state: stateOf(settings, stream, isFailing),
    images: stream === undefined ? 0 : imageRows([stream]).length,
    heldFiles: held.files,
    heldBytes: held.bytes,
    lastSuccess: note.lastSuccess ?? null,
    failingSince: note.lastError?.since ?? null,
    error: note.lastError?.message ?? null,
    nextSync: note.nextSync ?? null,
    settings: known,
  };
}

function stateOf(
  settings: UpstreamSettings | undefined,
  stream: ImageStream | undefined,
  isFailing: boolean,
): string {
  const bundle = stream?.upstream?.record.bundle;
  if (settings === undefined && bundle !== undefined)
    return `from a bundle of ${bundle.createdAt.slice(0, 10)}`;
  if (settings === undefined) return "not configured";
  if (settings.offline) return "offline";
  if (isFailing) return "failing";
  return stream === undefined ? "not synced yet" : "ok";
}

function heldOf(stream: ImageStream | undefined): { readonly files: number; readonly bytes: number } {
  const sizes = new Map<string, number>();
  for (const { versions } of stream?.products.products.values() ?? []) {
    for (const { items } of versions.values()) {
      for (const { sha256 = "", size = 0 } of items.values()) {
        if (stream?.upstream?.holds.has(sha256) === true) sizes.set(sha256, size);
      }
    }
  }
  return { files: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

/** Everything about an upstream: a line for each fact, or the row as data. */
export async function showUpstream(io: Io, format: Format, row: UpstreamRow): Promise<void> {
  if (format === "json" || format === "yaml") {
    await printData(io, format, row);
    return;
  }
  const facts: readonly (readonly [string, string])[] = [
    ["Name", row.name],
    ["Mode", row.mode],
    ["Address", row.url],
    ["State", row.error === null ? row.state : `${row.state} since ${row.failingSince ?? ""}: ${row.error}`],
    ["Images", String(row.images)],
    ["Held", `${readableSize(row.heldBytes)} in ${row.heldFiles} files`],
    ["Last success", row.lastSuccess ?? ""],
    ["Next sync", row.nextSync ?? ""],
    ...Object.entries(row.settings).map(([key, value]) => [`  ${key}`, settingText(value)] as const),
  ];
  const shown = facts.filter(([, value]) => value !== "");
  io.stdout.write(shown.map(([name, value]) => `${`${name}:`.padEnd(20)}${visible(value)}\n`).join(""));
}

function settingText(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}
