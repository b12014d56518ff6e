import { BundleReader } from "../bundle/bundle-reader.ts";
import { sizeOfBundle } from "../bundle/layout.ts";
import { incomingOf } from "../intake/bundle/incoming.ts";
import { verifyBundle } from "../intake/bundle/verify-bundle.ts";
import { signersOf } from "../upstream/signature.ts";
import { imagesOf } from "../publish/read-streams.ts";
import { imageRows } from "../views/image-rows.ts";
import { withBundle } from "./bundle-input.ts";
import { type TrustOptions, trustOf } from "./bundle-trust.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { printShown, printVerified } from "./print-bundle.ts";
import { progressLine } from "./progress.ts";

/** Tells what is in a bundle, from its beginning. */
export async function showBundleFile(io: Io, options: GlobalOptions, file: string): Promise<void> {
  await withBundle(io, [file], async (source) => {
    const reader = await BundleReader.open(source, { isWhole: false });
    const { head, list } = reader;
    const incoming = incomingOf(list, await reader.readDocuments(), reader.name);
    const streams = incoming.map(({ stream, listing }) => ({
      name: stream.name,
      origin: "mirror" as const,
      products: imagesOf(listing, stream.name),
    }));
    const signedBy = head.signature === undefined ? [] : await signersOf(head.signature);
    printShown(io, options, { list, bytes: sizeOfBundle(head), signedBy, images: imageRows(streams) });
  });
}

/** Reads a bundle whole. */
export async function verifyBundleFile(
  io: Io,
  options: TrustOptions,
  files: readonly string[],
): Promise<void> {
  const trust = { ...(await trustOf(io, options)), now: Date.now() };
  const line = progressLine(io, options);
  const report = await withBundle(io, files, (source) =>
    verifyBundle(source, trust, {
      signal: io.signal,
      onProgress: ({ bytes, of }) => line.update({ label: "reading", done: bytes, total: of }),
    }),
  ).finally(() => line.end());
  printVerified(io, options, report);
}
