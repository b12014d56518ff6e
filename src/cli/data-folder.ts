import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";

/** Where the service of the systemd unit keeps its store. */
const SYSTEM_FOLDER = "/var/lib/headwater";

/** `--data`, else `$HEADWATER_DATA`, else the system's store when there is one or when root, else the user's own. */
export function dataFolder(
  io: Io,
  options: GlobalOptions,
  exists: (path: string) => boolean = existsSync,
): string {
  const given = options.data ?? nonEmpty(io.env["HEADWATER_DATA"]);
  if (given !== undefined) return resolve(io.cwd, given);
  if (io.isRoot || exists(SYSTEM_FOLDER)) return SYSTEM_FOLDER;
  return join(nonEmpty(io.env["XDG_DATA_HOME"]) ?? join(io.home, ".local", "share"), "headwater");
}

/** Where things are kept that can be made again. */
export function cacheFolder(io: Io): string {
  return join(nonEmpty(io.env["XDG_CACHE_HOME"]) ?? join(io.home, ".cache"), "headwater");
}

/** The XDG rule: set but empty means unset. */
function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
