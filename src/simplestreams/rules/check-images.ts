import type { ClientProfile } from "../client-profile.ts";
import { finding, type Finding, type Place } from "../finding.ts";
import { isFingerprint, isTooShort } from "../fingerprint.ts";
import { combinedFields, isRootFtype } from "../ftypes.ts";
import type { ListedDelta, ListedFile, ListedImage } from "../listed-image.ts";
import { quoted } from "../printable.ts";
import type { ProductsFile } from "../products.ts";
import { pathProblem } from "../relative-path.ts";

/** What keeps a client from using one image that it lists, or makes it another thing than its publisher means. */
export function checkImage(image: ListedImage, file: ProductsFile, client: ClientProfile): Finding[] {
  const place = { file: image.file, product: image.product, version: image.version };
  const { fingerprint, files, deltas } = image;
  return [
    ...checkFiles({ fingerprint, files, deltas, type: image.properties["type"] ?? "" }, place),
    ...unifiedVm(image, file, place),
    ...checkDeltas(image, client, place),
  ];
}

/** What a client fetches for one image. `type`: the ftype of its root, as in its properties. */
export interface ImageFiles extends Pick<ListedImage, "fingerprint" | "files" | "deltas"> {
  readonly type: string;
}

/** What keeps a client from fetching an image, or from recognising it. */
export function checkFiles(image: ImageFiles, place: Place): Finding[] {
  return [
    ...fingerprintForm(image, place),
    ...image.files.flatMap((one) => checkFile(one, place)),
    ...image.deltas.flatMap((delta) => checkDelta(delta, place)),
  ];
}

/** Of a unified image it is the sha256 of its one file. */
function fingerprintForm({ fingerprint, files, type }: ImageFiles, place: Place): Finding[] {
  if (isFingerprint(fingerprint)) return [];
  const at = {
    ...place,
    item: files[0]?.item ?? "",
    field: isRootFtype(type) ? combinedFields[type] : "sha256",
    value: fingerprint,
  };
  const reason = `expected a fingerprint of 64 lower-case hex digits, got ${quoted(fingerprint)}`;
  return [finding(isTooShort(fingerprint) ? "fingerprint-short" : "fingerprint-form", at, reason)];
}

function checkFile(one: ListedFile, place: Place): Finding[] {
  const at = { ...place, item: one.item };
  const findings: Finding[] = [];
  const isWhole = one.role === "unified";
  if (!isFingerprint(one.sha256) && !isWhole) {
    const reason = `expected a sha256 of 64 lower-case hex digits, got ${quoted(one.sha256)}`;
    findings.push(finding("file-hash", { ...at, field: "sha256", value: one.sha256 }, reason));
  }
  findings.push(...checkPath(one.path, at));
  if (one.size <= 0) {
    const reason = `expected the size in bytes, got ${one.size}`;
    findings.push(finding("file-size", { ...at, field: "size", value: one.size }, reason));
  }
  return findings;
}

function checkPath(path: string, place: Place): Finding[] {
  const problem = pathProblem(path);
  if (problem === undefined || isHarmless(path)) return [];
  const reason = `the path ${quoted(path)} cannot be fetched by all clients: ${problem}`;
  return [finding("file-path", { ...place, field: "path", value: path }, reason)];
}

/** A slash too many is taken away by both clients (path joining in client/simplestreams_images.go; tried). */
function isHarmless(path: string): boolean {
  const plain = path.replace(/^\/+/, "").replaceAll(/\/{2,}/g, "/");
  return plain !== path && pathProblem(plain) === undefined;
}

function unifiedVm(image: ListedImage, file: ProductsFile, place: Place): Finding[] {
  const [unified] = image.files;
  if (image.type !== "container" || unified?.role !== "unified") return [];
  const item = file.products.get(image.product)?.versions.get(image.version)?.items.get(unified.item);
  if (item?.combined_type !== "virtual-machine") return [];
  const at = { ...place, item: unified.item, field: "combined_type", value: item.combined_type };
  return [finding("unified-vm", at, "a unified virtual machine is taken for a container")];
}

function checkDeltas(image: ListedImage, client: ClientProfile, place: Place): Finding[] {
  const findings: Finding[] = [];
  const [first, second] = image.deltas;
  if (client.vmDeltaBaseWrong && image.type === "virtual-machine" && first !== undefined) {
    const reason = "the delta of a virtual machine is applied to the wrong image, which fails";
    findings.push(finding("vm-delta", { ...place, item: first.item }, reason));
  }
  if (client.family === "incus" && second !== undefined) {
    const reason = "a host that has several of the bases applies several deltas, which fails";
    findings.push(finding("several-deltas", { ...place, item: second.item }, reason));
  }
  return findings;
}

function checkDelta(delta: ListedDelta, place: Place): Finding[] {
  const at = { ...place, item: delta.item };
  if (isFingerprint(delta.sha256) && delta.path !== "") return checkPath(delta.path, at);
  const [field, value] = delta.path === "" ? ["path", delta.path] : ["sha256", delta.sha256];
  const reason = `the delta has no usable ${field}: ${quoted(value)}`;
  return [finding("delta-file", { ...at, field, value }, reason)];
}
