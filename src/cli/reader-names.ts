import { clientProfiles } from "../simplestreams/client-profile.ts";

/** Readers for a person: `Incus and LXD` for all profiles of both. `lxc` alone could be the command of LXD. */
export function readerNames(readers: readonly string[]): string {
  const left = new Set(readers);
  const names: string[] = [];
  for (const [family, word] of [
    ["incus", "Incus"],
    ["lxd", "LXD"],
  ] as const) {
    const profiles = clientProfiles.filter((profile) => profile.family === family).map(({ name }) => name);
    if (!profiles.every((name) => left.has(name))) continue;
    names.push(word);
    for (const name of profiles) left.delete(name);
  }
  const all = [...names, ...[...left].map(nameOf)];
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

function nameOf(reader: string): string {
  if (reader === "lxc") return "lxc-create";
  return reader.replace(/^incus /, "Incus ").replace(/^lxd /, "LXD ");
}
