import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { readStreams } from "../../publish/read-streams.ts";
import type { Generation } from "../../store/generation.ts";
import type { Store } from "../../store/store.ts";
import { aliasNames } from "../../views/image-api/alias-names.ts";
import type { ApiImage } from "../../views/image-api/api-image.ts";
import { apiImages } from "../../views/image-api/api-images.ts";
import { aliasesByImage, renderAlias, renderImage } from "../../views/image-api/render-api.ts";
import { LoadedDocument } from "../loaded-document.ts";
import type { LoadedGeneration } from "../loaded-generation.ts";
import { envelope } from "./api-answer.ts";
import { serverArchitecture } from "./server-architecture.ts";

/** The image tables of generations, each made when it is first asked for and gone with its generation. */
export class ApiTables {
  readonly #store: Store;
  readonly #tables = new WeakMap<LoadedGeneration, Promise<ApiTable>>();

  constructor(store: Store) {
    this.#store = store;
  }

  of(loaded: LoadedGeneration): Promise<ApiTable> {
    const known = this.#tables.get(loaded);
    if (known !== undefined) return known;
    const table = ApiTable.load(this.#store, loaded.generation);
    this.#tables.set(loaded, table);
    // A disk that could not be read a moment ago may be readable now.
    table.catch(() => this.#tables.delete(loaded));
    return table;
  }
}

/** What one generation offers over the image API. */
export class ApiTable {
  readonly #images: readonly ApiImage[];
  readonly #byFingerprint: ReadonlyMap<string, ApiImage>;
  readonly #architectures: ReadonlySet<string>;
  readonly #views = new Map<string, ApiView>();

  constructor(images: readonly ApiImage[]) {
    this.#images = images;
    this.#byFingerprint = new Map(images.map((image) => [image.fingerprint, image]));
    this.#architectures = new Set(images.map(({ architecture }) => architecture));
  }

  static async load(store: Store, generation: Generation): Promise<ApiTable> {
    const images: ApiImage[] = [];
    for (const image of apiImages(await readStreams(store, generation))) {
      images.push(image);
      if (images.length % AT_ONCE === 0) await setImmediate();
    }
    return new ApiTable(images);
  }

  /** The images whose fingerprint begins with these hex digits: two when there is more than one. */
  find(prefix: string): readonly ApiImage[] {
    const exact = this.#byFingerprint.get(prefix);
    if (exact !== undefined) return [exact];
    if (!/^[0-9a-f]{1,63}$/.test(prefix)) return [];
    const found: ApiImage[] = [];
    for (const image of this.#images) {
      if (image.fingerprint.startsWith(prefix)) found.push(image);
      if (found.length === 2) break;
    }
    return found;
  }

  /** As a machine of this architecture sees it; as this server's own does when there is nothing for that one. */
  view(architecture: string | undefined): ApiView {
    const key =
      architecture !== undefined && this.#architectures.has(architecture)
        ? architecture
        : serverArchitecture();
    let view = this.#views.get(key);
    if (view === undefined) {
      view = new ApiView(this.#images, key);
      this.#views.set(key, view);
    }
    return view;
  }
}

/** One generation's images with the names they have on one architecture. Lists are rendered once, when first asked for. */
export class ApiView {
  readonly names: ReadonlyMap<string, ApiImage>;
  readonly #images: readonly ApiImage[];
  readonly #aliases: ReadonlyMap<ApiImage, readonly string[]>;
  readonly #documents = new Map<ListName, Promise<LoadedDocument>>();

  constructor(images: readonly ApiImage[], architecture: string) {
    this.#images = images;
    this.names = aliasNames(images, architecture);
    this.#aliases = aliasesByImage(this.names);
  }

  image(image: ApiImage): object {
    return renderImage(image, this.#aliases.get(image) ?? []);
  }

  list(name: ListName): Promise<LoadedDocument> {
    let document = this.#documents.get(name);
    if (document === undefined) {
      document = documentOf(membersOf(name, this, this.#images));
      this.#documents.set(name, document);
    }
    return document;
  }
}

type ListName = "images" | "imageUrls" | "aliases" | "aliasUrls";

function* membersOf(list: ListName, view: ApiView, images: readonly ApiImage[]): Generator {
  switch (list) {
    case "images":
      for (const image of images) yield view.image(image);
      return;
    case "imageUrls":
      for (const { fingerprint } of images) yield `/1.0/images/${fingerprint}`;
      return;
    case "aliases":
      for (const [name, image] of view.names) yield renderAlias(name, image);
      return;
    case "aliasUrls":
      for (const name of view.names.keys()) yield `/1.0/images/aliases/${encodeURIComponent(name)}`;
  }
}

/** Members that are worked out or rendered before others get their turn: a millisecond or so. */
const AT_ONCE = 200;

const compress = promisify(gzip);

/** The answer with this list, gzipped as it is kept. */
async function documentOf(members: Iterable<unknown>): Promise<LoadedDocument> {
  const pieces: string[] = [];
  for (const member of members) {
    pieces.push(JSON.stringify(member));
    if (pieces.length % AT_ONCE === 0) await setImmediate();
  }
  const [before, after] = JSON.stringify(envelope("here")).split('"here"');
  const bytes = await compress(`${before ?? ""}[${pieces.join(",")}]${after ?? ""}\n`, { level: 6 });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return new LoadedDocument(
    { sha256, size: bytes.byteLength, encoding: "gzip", type: "application/json" },
    bytes,
  );
}
