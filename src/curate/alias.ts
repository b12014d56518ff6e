import { HeadwaterError } from "../error.ts";
import { checkAlias, joinAliases, parseAliases } from "../simplestreams/aliases.ts";
import type { Product } from "../simplestreams/products.ts";
import type { Generation } from "../store/generation.ts";
import type { Store } from "../store/store.ts";
import { publish } from "../publish/publish.ts";
import { readStreams } from "../publish/read-streams.ts";
import { type AliasOwner, aliasOwners } from "../views/alias-owners.ts";
import { type ImageStream, OWN_STREAM } from "../views/image-stream.ts";

export interface AliasChange {
  readonly generation: Generation | undefined;
  readonly products: readonly string[];
}

/** Every alias of this site's own images, with the product it names and the version a client gets. */
export async function listAliases(store: Store): Promise<AliasOwner[]> {
  const streams = await readStreams(store, await store.newest());
  return streams.flatMap((stream) => aliasOwners(stream.products));
}

/**
 * Gives a product one more alias. An alias names a product, never one build: the newest version wins, in every client.
 * @param target a product key, or an alias that already names the products
 * @throws USAGE for a fingerprint, NAME_TAKEN when another product of the same architecture and type has the alias
 */
export async function addAlias(store: Store, alias: string, target: string): Promise<AliasChange> {
  checkAlias(alias);
  return change(store, `${alias} -> ${target}`, (own) => {
    const keys = productsNamed(own, target);
    const owners = aliasOwners(own.products);
    const types = new Map(owners.map((owner) => [owner.product, owner]));
    return edit(own, keys, (key, product) => {
      const aliases = parseAliases(product.aliases);
      if (aliases.includes(alias)) return product;
      const clash = owners.find(
        (owner) => owner.alias === alias && owner.arch === product.arch && sharesType(owner, types.get(key)),
      );
      if (clash !== undefined) {
        throw new HeadwaterError("NAME_TAKEN", `the alias "${alias}" already names ${clash.product}`, {
          hint: `headwater alias remove ${alias} frees it.`,
          details: { alias, product: clash.product },
        });
      }
      return { ...product, aliases: joinAliases([...aliases, alias]) };
    });
  });
}

/** Takes an alias away from every product that has it. */
export async function removeAlias(store: Store, alias: string): Promise<AliasChange> {
  return change(store, `${alias} removed`, (own) => {
    const keys = aliasOwners(own.products)
      .filter((owner) => owner.alias === alias)
      .map((owner) => owner.product);
    if (keys.length === 0) throw new HeadwaterError("NOT_FOUND", `no image has the alias "${alias}"`);
    return edit(own, keys, (_key, product) => ({
      ...product,
      aliases: joinAliases(parseAliases(product.aliases).filter((one) => one !== alias)),
    }));
  });
}

/** An owner without a known type shares every type: better one refusal too many than an alias that cannot be resolved. */
function sharesType(one: AliasOwner, other: AliasOwner | undefined): boolean {
  return other === undefined || one.types.some((type) => other.types.includes(type));
}

function productsNamed(own: ImageStream, target: string): string[] {
  if (own.products.products.has(target)) return [target];
  if (/^[0-9a-f]{12,64}$/.test(target)) {
    throw new HeadwaterError(
      "USAGE",
      `"${target}" is a fingerprint; an alias names a product, and the newest version wins`,
      { hint: "Name the product (headwater list shows it), or roll back to make an older build the newest." },
    );
  }
  const keys = aliasOwners(own.products)
    .filter((owner) => owner.alias === target)
    .map((owner) => owner.product);
  if (keys.length > 0) return keys;
  throw new HeadwaterError("NOT_FOUND", `no product or alias "${target}" is listed`, {
    hint: "headwater list shows what is.",
  });
}

interface Edited {
  readonly stream: ImageStream;
  readonly products: readonly string[];
}

function edit(
  own: ImageStream,
  keys: readonly string[],
  update: (key: string, product: Product) => Product,
): Edited {
  const products = new Map(own.products.products);
  for (const key of keys) {
    const product = products.get(key);
    if (product !== undefined) products.set(key, update(key, product));
  }
  return { stream: { ...own, products: { ...own.products, products } }, products: keys };
}

async function change(
  store: Store,
  text: string,
  edited: (own: ImageStream) => Edited,
): Promise<AliasChange> {
  const writer = await store.writer("alias");
  try {
    let products: readonly string[] = [];
    const generation = await publish(store, writer, (streams) => {
      const own = streams.find((stream) => stream.name === OWN_STREAM);
      if (own === undefined) throw new HeadwaterError("NOT_FOUND", "the store has no images yet");
      const after = edited(own);
      products = after.products;
      const same = products.every(
        (key) => own.products.products.get(key) === after.stream.products.products.get(key),
      );
      if (same) return undefined;
      return {
        reason: { verb: "alias", text },
        streams: streams.map((stream) => (stream.name === OWN_STREAM ? after.stream : stream)),
      };
    });
    return { generation, products };
  } finally {
    await writer.close();
  }
}
