import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeTinyContainer } from "../image/tiny-image.ts";
import { type Captured, type FakeIoOptions, headwater } from "./fake-io.ts";

/** A store and files for it in a folder of its own, driven by command lines. */
export interface Site {
  readonly folder: string;
  readonly data: string;
  run(argv: readonly string[], options?: FakeIoOptions): Promise<Captured>;
  /** The same with `--json`, parsed; fails unless it ends with 0. */
  json(...argv: string[]): Promise<unknown>;
  /** Writes the files of a tiny container whose bytes depend on the salt; resolves to `[metadata, root]`. */
  files(salt: string, properties?: Readonly<Record<string, string>>): Promise<[string, string]>;
  remove(): Promise<void>;
}

export async function temporarySite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-cli-"));
  const data = join(folder, "store");
  const site: Site = {
    folder,
    data,
    run: (argv, options) => headwater(["--data", data, ...argv], { cwd: folder, ...options }),
    async json(...argv) {
      const { status, stdout, stderr } = await site.run([...argv, "--json"]);
      if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}: ${stderr}`);
      return JSON.parse(stdout);
    },
    async files(salt, properties) {
      const where = await mkdtemp(join(folder, "files-"));
      const { metadata, root } = await writeTinyContainer(where, {
        salt,
        ...(properties === undefined ? {} : { properties }),
      });
      return [metadata, root];
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  return site;
}
