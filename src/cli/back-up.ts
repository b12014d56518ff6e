import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { backUpStore, keysOf } from "../compose.ts";
import { type GlobalOptions, notice } from "./context.ts";
import { dataFolder } from "./data-folder.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { countLine } from "./progress.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

/** Copies the store and says what was copied. */
export async function backUp(io: Io, options: GlobalOptions, folder: string): Promise<void> {
  const data = dataFolder(io, options);
  const target = resolve(io.cwd, folder);
  notice(io, options, `store: ${data}`);
  const line = countLine(io, options);
  const report = await backUpStore(data, target, {
    onProgress: ({ blobs, of }) => line.update({ label: "files", done: blobs, total: of }),
  }).finally(() => line.end());
  const { generation, blobs, copiedBytes, linkedBlobs, removedBlobs } = report;
  if (options.json === true) {
    const facts = { blobs, copiedBytes, linkedBlobs, removedBlobs };
    io.stdout.write(jsonText({ store: data, folder: target, generation: generation ?? null, ...facts }));
    return;
  }
  if (options.quiet === true) return;
  const how = [
    `${readableSize(copiedBytes)} copied`,
    ...(linkedBlobs === 0 ? [] : [`${linkedBlobs} linked, being on the same file system`]),
  ].join(", ");
  const what =
    generation === undefined ? "an empty store" : `generation ${generation}: ${blobs} files, ${how};`;
  io.stdout.write(`Backed up ${what} to ${visible(target)}\n`);
  io.stdout.write("It has the server's private key in it: keep it as safe as the server.\n");
  // Who has the signing key can lie to everybody who checks signatures, for years: its copies are made on purpose, one by one.
  if (existsSync(keysOf(data).path))
    io.stdout.write("The signing key is not in it: headwater key export --secret FILE copies that.\n");
}
