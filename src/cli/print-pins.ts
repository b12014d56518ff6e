import type { PinRow } from "../curate/list-pins.ts";
import type { Pinning } from "../curate/pin.ts";
import type { Unpinned } from "../curate/unpin.ts";
import { type Pin, pinName } from "../store/pins.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Format } from "./format.ts";
import type { Io } from "./io.ts";
import { jsonText, printListing } from "./output.ts";
import { visible } from "./visible.ts";

export function printPinned(
  io: Io,
  options: GlobalOptions,
  { store, generation, pins, notHeld }: Pinning & { readonly store: Store },
): void {
  if (options.json === true) {
    const images = notHeld.map(({ stream, product, version, fingerprint }) => ({
      stream,
      product,
      version,
      fingerprint,
    }));
    io.stdout.write(
      jsonText({ store: store.name, generation: generation?.number ?? null, pins, notHeld: images }),
    );
    return;
  }
  if (options.quiet === true) return;
  const verb = generation === undefined ? "Pinned already" : "Pinned";
  const lines = [
    ...pins.map((pin) => `${verb}: ${described(pin)}`),
    ...notHeld.map(
      ({ stream, product, version, fingerprint }) =>
        `  ${product} ${version} ${fingerprint.slice(0, 12)} is not here: a pin fetches nothing. It is kept once a client has asked for it; until then it goes when ${stream} drops it.`,
    ),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

export function printUnpinned(
  io: Io,
  options: GlobalOptions,
  { store, generation, pins }: Unpinned & { readonly store: Store },
): void {
  if (options.json === true) {
    io.stdout.write(jsonText({ store: store.name, generation: generation?.number ?? null, pins }));
    return;
  }
  if (options.quiet === true) return;
  io.stdout.write(pins.map((pin) => `${visible(`No longer pinned: ${described(pin)}`)}\n`).join(""));
}

function described(pin: Pin): string {
  if (pin.kind === "image") return `image ${pinName(pin)}`;
  if (pin.kind === "version") return `${pin.product} ${pin.version}`;
  if (pin.kind === "generation") return `generation ${pin.generation}, also at /@${pin.generation}/`;
  return `everything ${pin.alias} leads to, ${pin.versions.length} ${pin.versions.length === 1 ? "version" : "versions"} so far`;
}

export async function printPins(io: Io, format: Format, rows: readonly PinRow[]): Promise<void> {
  await printListing(io, format, {
    rows,
    columns: [
      { title: "pin", value: (row) => row.pin },
      { title: "kind", value: (row) => row.kind },
      {
        title: "keeps",
        value: (row) => row.versions.map(({ product, version }) => `${product}@${version}`),
        shown: keepsText,
      },
      { title: "since", value: (row) => row.pinnedAt },
      { title: "note", value: (row) => row.note },
    ],
  });
}

function keepsText({ kind, versions, inUse }: PinRow): string {
  if (!inUse) return kind === "generation" ? "nothing: it is no longer kept" : "nothing that is listed";
  if (kind === "generation") return "all it lists";
  return versions.length === 1
    ? versions.map(({ product, version }) => `${product} ${version}`).join("")
    : `${versions.length} versions`;
}
