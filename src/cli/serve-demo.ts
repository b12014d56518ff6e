import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openOrMakeStore } from "../compose.ts";
import { loadConfig } from "../config/load.ts";
import { type SampleArchitecture, sampleImage } from "../image/sample/sample-image.ts";
import { addFiles } from "../intake/files/add-files.ts";
import type { Store } from "../store/store.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { cacheFolder, dataFolder } from "./data-folder.ts";
import { serveStore } from "./serve-store.ts";
import { signingOf } from "./signing.ts";

const ARCHITECTURES: readonly SampleArchitecture[] = ["x86_64", "aarch64"];
const ALIAS = "headwater/demo";

/** The main job in small: add an image the ordinary way, serve it the ordinary way, from a store that is nobody's. */
export async function serveDemo(
  context: Context,
  options: GlobalOptions,
  listen: readonly string[],
): Promise<void> {
  const { io } = context;
  const folder = options.data === undefined ? join(cacheFolder(io), "demo") : dataFolder(io, options);
  const store = await openOrMakeStore(folder, await signingOf(io, { ...options, data: folder }));
  notice(io, options, `store: ${store.name}`);
  for (const architecture of ARCHITECTURES) await addSample(store, architecture);
  const config = await loadConfig({ file: join(folder, "headwater.yaml"), flags: { listen } });
  await serveStore(context, options, {
    store,
    config,
    firstNames: ["localhost"],
    alias: ALIAS,
    afterword:
      "The sample says hello: incus exec first -- hello, or lxc exec first -- hello. Ctrl-C ends the server.",
  });
}

async function addSample(store: Store, architecture: SampleArchitecture): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headwater-demo-"));
  try {
    const { metadata, root } = await sampleImage(architecture);
    const files = [join(folder, "metadata.tar.gz"), join(folder, "rootfs.tar.gz")] as const;
    await writeFile(files[0], metadata);
    await writeFile(files[1], root);
    await addFiles(store, files, {});
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
