import type { Family } from "./daemons.ts";

/** The heading under which the commands for one client are printed. */
const HEADING: Readonly<Record<Family, string>> = {
  incus: "# Over simplestreams, on a client with Incus:",
  lxd: "# Over simplestreams, on a client with LXD, from a deb or rpm package:",
};

/** The heading of the shorter way. */
const PUBLIC_HEADING: Readonly<Record<Family, string>> = {
  incus: "# On a client with Incus:",
  lxd: "# On a client with LXD:",
};

/** The lines below the heading for one client, up to the next blank line. */
export function commandsFor(family: Family, printed: string): string {
  return linesBelow(HEADING[family], printed);
}

/** The same for the image API, where the client asks a question. */
export function publicCommandsFor(family: Family, printed: string): string {
  return linesBelow(PUBLIC_HEADING[family], printed);
}

function linesBelow(heading: string, printed: string): string {
  const start = printed.indexOf(heading);
  if (start === -1) throw new Error(`no "${heading}" in:\n${printed}`);
  const lines = printed.slice(start).split("\n").slice(1);
  const end = lines.findIndex((line) => line === "");
  return `${lines.slice(0, end === -1 ? undefined : end).join("\n")}\n`;
}
