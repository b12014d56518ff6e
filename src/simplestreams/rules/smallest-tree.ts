/** Where things are in the smallest tree, for the examples of rules. */
export const PRODUCT = "demo:1:default:amd64";
export const VERSION = "20260101_0000";
export const INDEX_PATH = "streams/v1/index.json";
export const PRODUCTS_PATH = "streams/v1/images.json";

/**
 * The smallest tree that every client lists one container of: what examples of rules change one thing in. Its hashes are made up, since
 * listing reads no file. A new one each time: the caller may change it.
 */
export function smallestTree(): { readonly index: object; readonly products: object } {
  const metadata = {
    path: "images/demo/meta.tar.xz",
    size: 600,
    sha256: "1".repeat(64),
    combined_squashfs_sha256: "3".repeat(64),
  };
  const items = {
    "incus.tar.xz": { ftype: "incus.tar.xz", ...metadata },
    "lxd.tar.xz": { ftype: "lxd.tar.xz", ...metadata },
    squashfs: {
      ftype: "squashfs",
      path: "images/demo/root.squashfs",
      size: 1_000_000,
      sha256: "2".repeat(64),
    },
  };
  const product = {
    aliases: "demo/1,demo/1/default",
    arch: "amd64",
    os: "Demo",
    release: "1",
    release_title: "1",
    variant: "default",
    requirements: {},
    versions: { [VERSION]: { items } },
  };
  return {
    index: {
      format: "index:1.0",
      index: {
        images: {
          datatype: "image-downloads",
          format: "products:1.0",
          path: PRODUCTS_PATH,
          products: [PRODUCT],
        },
      },
    },
    products: {
      content_id: "images",
      datatype: "image-downloads",
      format: "products:1.0",
      products: { [PRODUCT]: product },
    },
  };
}
