import type { Family } from "./daemons.ts";

/** The heading under which the commands for one client are printed. */
const HEADING: Readonly<Record<Family, string>> = {
  incus: "# On a client with Incus:",
  lxd: "# On a client with LXD, from a deb or rpm package:",
};

/** The lines below the heading for one client, up to the next blank line. */
export function commandsFor(family: Family, printed: string): string {
  const start = printed.indexOf(HEADING[family]);
  if (start === -1) throw new Error(`no commands for ${family} in:\n${printed}`);
  const lines = printed.slice(start).split("\n").slice(1);
  const end = lines.findIndex((line) => line === "");
  return `${lines.slice(0, end === -1 ? undefined : end).join("\n")}\n`;
}
