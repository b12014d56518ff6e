import { resolve } from "node:path";
import { type BundleSource, openBundleFiles, pipedBundle } from "../bundle/source.ts";
import { HeadwaterError } from "../error.ts";
import type { Io } from "./io.ts";

/** Does some work with a bundle that is named on the command line: files, or `-` for what comes through a pipe. */
export async function withBundle<T>(
  io: Io,
  files: readonly string[],
  work: (source: BundleSource) => Promise<T>,
): Promise<T> {
  const source = files.includes("-")
    ? piped(io, files)
    : await openBundleFiles(files.map((file) => resolve(io.cwd, file)));
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

function piped({ input }: Io, files: readonly string[]): BundleSource {
  if (input === undefined || files.length > 1) {
    throw new HeadwaterError("USAGE", "- stands alone, for a bundle that comes through a pipe", {
      hint: "Such as: ssh HOST headwater bundle create - | headwater bundle apply -",
    });
  }
  return pipedBundle("The bundle in the pipe", input);
}
