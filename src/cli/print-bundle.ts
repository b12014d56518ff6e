import type { BundleList } from "../bundle/bundle-list.ts";
import type { CreateReport } from "../export/bundle/create-bundle.ts";
import type { ApplyReport } from "../intake/bundle/apply-bundle.ts";
import type { VerifyReport } from "../intake/bundle/verify-bundle.ts";
import type { Store } from "../store/store.ts";
import type { ImageRow } from "../views/image-rows.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { readableSize } from "./size.ts";
import { visible } from "./visible.ts";

export interface Created {
  readonly store: Store;
  readonly report: CreateReport;
  readonly dryRun: boolean;
}

export function printCreated(io: Io, options: GlobalOptions, { store, report, dryRun }: Created): void {
  if (options.json === true) {
    io.stdout.write(jsonText({ store: store.name, dryRun, ...report }));
    return;
  }
  const { paths, images, files, fileBytes, bytes, inBases, bases, signedBy, notHeld } = report;
  const where = dryRun
    ? ""
    : ` to ${paths.length === 1 ? paths[0] : `${paths[0]} and ${paths.length - 1} more parts`}`;
  print(io, options, [
    `${dryRun ? "Would write" : "Wrote"} ${counted(images, "image")} of generation ${report.generation}${where}: ${readableSize(bytes)}`,
    `  ${counted(files, "file")} (${readableSize(fileBytes)}) inside${inBases === 0 ? "" : `, ${inBases} in ${counted(bases.length, "earlier bundle")}`}`,
    `  ${signedBy === null ? "not signed: the other side takes it with --allow-untrusted only" : `signed with the key ${signedBy}`}`,
    ...(notHeld === 0 ? [] : [`  not inside: ${counted(notHeld, "file")} that are at upstreams`]),
    ...(dryRun ? [] : [`  bundle ${report.id}`]),
  ]);
}

export interface Applied {
  readonly store: string;
  readonly report: ApplyReport;
  readonly dryRun: boolean;
}

export function printApplied(io: Io, options: GlobalOptions, { store, report, dryRun }: Applied): void {
  if (options.json === true) {
    io.stdout.write(jsonText({ store, dryRun, ...report }));
    return;
  }
  const { isUnchanged, generation, streams, files, bytes, id, createdAt, signedBy } = report;
  const name = `bundle ${id.slice(0, 12)} of ${createdAt.slice(0, 16)}Z`;
  const what = dryRun ? `Would apply ${name}` : `Applied ${name}: generation ${generation}`;
  print(io, options, [
    isUnchanged
      ? `Nothing to do: ${name} has been applied.`
      : `${what}, ${counted(files, "file")} (${readableSize(bytes)}) new`,
    ...(isUnchanged
      ? []
      : streams.map(({ name: stream, from, come, go, stay }) => {
          const origin = stream === from ? "" : ` (${from} there)`;
          return `  ${stream}${origin}: ${come} images come, ${go} go, ${stay} stay`;
        })),
    `  ${signedBy === null ? "taken without looking at its signature" : `signed by the key ${signedBy}`}`,
  ]);
}

export interface Shown {
  readonly list: BundleList;
  readonly bytes: number;
  /** Keys, whether they are trusted or not. */
  readonly signedBy: readonly string[];
  readonly images: readonly ImageRow[];
}

export function printShown(io: Io, options: GlobalOptions, { list, bytes, signedBy, images }: Shown): void {
  const { id, createdAt, generation, partSize, bases, streams, files } = list;
  if (options.json === true) {
    const known = images.map(({ stream, product, version, fingerprint, aliases, type, arch }) => ({
      stream,
      product,
      version,
      fingerprint,
      aliases,
      type,
      arch,
    }));
    const facts = { id, createdAt, generation, bytes, partSize, signedBy, bases, streams };
    io.stdout.write(jsonText({ ...facts, files: files.length, images: known }));
    return;
  }
  const lines = [
    `Bundle ${id} of ${createdAt}`,
    `  ${readableSize(bytes)}${partSize === null ? "" : ` in parts of ${readableSize(partSize)}`}, from generation ${generation.number} of its store`,
    `  ${signedBy.length === 0 ? "not signed" : `signed by the key ${signedBy.join(", ")} (not checked here)`}`,
    ...bases.map((base) => `  builds on the bundle ${base.id} of ${base.createdAt}`),
    ...streams.map(({ name, isOwn, url, products }) => {
      const origin = isOwn
        ? "made where the bundle was"
        : `of ${url ?? "an upstream that is not for everybody"}`;
      return `Image stream ${name}: ${products.length === 0 ? "nothing any more" : origin}`;
    }),
    ...images.map(({ aliases, version, fingerprint, type, arch }) => {
      const name = aliases[0] ?? "";
      return `  ${fingerprint.slice(0, 12)}  ${version}  ${arch}  ${type}  ${name}`;
    }),
  ];
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

export function printVerified(io: Io, options: GlobalOptions, report: VerifyReport): void {
  if (options.json === true) {
    io.stdout.write(jsonText(report));
    return;
  }
  const { id, images, files, bytes, signedBy, unchecked } = report;
  print(io, options, [
    `Bundle ${id} is whole: ${counted(images, "image")}, ${counted(files, "file")} (${readableSize(bytes)})`,
    `  ${signedBy === null ? "nobody looked at its signature" : `signed by the key ${signedBy}`}`,
    ...(unchecked === 0
      ? []
      : [`  ${unchecked} images have parts in earlier bundles, and are checked when it is applied`]),
  ]);
}

function print(io: Io, options: GlobalOptions, lines: readonly string[]): void {
  if (options.quiet !== true) io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
