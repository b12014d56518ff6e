import { clientProfiles, type Family } from "../client-profile.ts";

/** Everybody that rules speak of: the client profiles, `lxc` (lxc-create -t download), and `sstream` (the Python tools). */
export const imageClients: readonly string[] = clientProfiles.map(({ name }) => name);
/** The profiles of one project. */
export const incusClients = clientsOf("incus");
export const lxdClients = clientsOf("lxd");
export const everyReader: readonly string[] = [...imageClients, "sstream"];

function clientsOf(family: Family): readonly string[] {
  return clientProfiles.filter((profile) => profile.family === family).map(({ name }) => name);
}
