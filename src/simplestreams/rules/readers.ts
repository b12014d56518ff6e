import { clientProfiles, type Family } from "../client-profile.ts";

/** The client profiles. */
export const imageClients: readonly string[] = clientProfiles.map(({ name }) => name);
/** The profiles of one project. */
export const incusClients = clientsOf("incus");
export const lxdClients = clientsOf("lxd");
/** Everybody who reads an index: also `sstream`, the Python tools. */
export const everyReader: readonly string[] = [...imageClients, "sstream"];
/** Readers that are no profile: `lxc` (lxc-create -t download), and `sstream`. */
export const otherReaders: readonly string[] = ["lxc", "sstream"];

function clientsOf(family: Family): readonly string[] {
  return clientProfiles.filter((profile) => profile.family === family).map(({ name }) => name);
}
