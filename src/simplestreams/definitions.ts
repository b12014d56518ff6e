import * as z from "zod";

/*
 * What the documents look like, once: validation uses these definitions, and the JSON Schemas in `schemas/` are generated from them, with
 * the descriptions. They are as strict as Go's decoder is for the fields that Incus and LXD read (a wrong type in one of them makes both
 * refuse the whole file) and open for everything else: unknown keys are kept.
 */

const text = (description: string) => z.string().optional().describe(description);
const requirements = (description: string) =>
  z.record(z.string(), z.string()).optional().describe(description);

/** One file of a build. */
export const itemDefinition = z
  .looseObject({
    ftype: text(
      "What the file is. Read by Incus: incus.tar.xz, incus_combined.tar.gz. By LXD: lxd.tar.xz, lxd_combined.tar.gz. By both: squashfs, " +
        "root.tar.xz, disk-kvm.img, uefi1.img, disk1.img, squashfs.vcdiff, disk-kvm.img.vcdiff. Items with another ftype, or none, are " +
        "ignored. It names a role and no format: daemons look at the bytes.",
    ),
    path: text(
      "Where the file is, relative to the root of the server and not to this document: no leading slash, no .., no %, ? or #. A metadata " +
        "item without it lists no image. What once was published under a path must never change.",
    ),
    size: z
      .int()
      .nonnegative()
      .optional()
      .describe(
        "Bytes. For Incus and LXD a whole number without quotes, point or exponent, added up to the size of the image. Newer LXD stops a " +
          "download there, so that a missing or too small size makes it fail. sstream-mirror insists on it.",
      ),
    sha256: text(
      "SHA-256 of the file, 64 lower-case hex digits, checked by every download. For a unified image it is the fingerprint.",
    ),
    md5: text("MD5 of the file. Not read by Incus and LXD; older sstream tools and OpenStack want it."),
    combined_sha256: text(
      "On a metadata item: the fingerprint of the image with root.tar.xz, where combined_rootxz_sha256 is missing. For no other root.",
    ),
    combined_rootxz_sha256: combined("root.tar.xz"),
    combined_squashfs_sha256: combined("squashfs"),
    "combined_disk-kvm-img_sha256": combined("disk-kvm.img"),
    "combined_disk1-img_sha256": combined("disk1.img"),
    "combined_uefi1-img_sha256": combined("uefi1.img"),
    combined_type: text(
      "On a unified item: virtual-machine makes it one for Incus since 7.1. Others list every unified image as a container.",
    ),
    delta_base: text(
      "On a delta item: the name of the version it applies to, which must still be listed in this product with its metadata item.",
    ),
  })
  .describe(
    "One file of a build. Its key is ignored by Incus and LXD; others look for keys that equal the ftype.",
  );

function combined(root: string) {
  return text(
    `On a metadata item: the fingerprint of the image with ${root}, that is the SHA-256 of the metadata file followed by the root, 64 ` +
      "lower-case hex digits. Without it that image is not listed.",
  );
}

/** One dated build. */
export const versionDefinition = z
  .looseObject({
    label: text("Shown in parentheses in the description of the image, such as release. Also a property."),
    pubname: text("A name for the build. Not read by Incus and LXD; OpenStack tools call the image so."),
    items: z.record(z.string(), itemDefinition).optional().describe("The files of the build, by any key."),
  })
  .describe(
    "One dated build. Its key begins with the date, YYYYMMDD, in UTC, best YYYYMMDD_HHMM: what does not is not listed. Keys are compared " +
      "as text, and the greatest is the newest.",
  );

/** One `os:release:variant:arch`. */
export const productDefinition = z
  .looseObject({
    aliases: text(
      "Names for the newest version, separated by commas without blanks: debian/12,debian/bookworm. Clients add /<arch> to each and no " +
        "other form.",
    ),
    arch: text(
      "Architecture, such as amd64 or arm64. A product whose architecture a client does not know is not listed.",
    ),
    os: text("Name of the system. First in the description and in the order of the list."),
    release: text("Release, such as bookworm. Second in the order of the list; not in the description."),
    release_codename: text("Codename of the release. Read by LXD since 6.8."),
    release_title: text("The release as people call it, such as 12. Part of the description."),
    requirements: requirements(
      'What an instance needs, as texts: secureboot is "false" and never false. Read by Incus, and by LXD where lxd_requirements is ' +
        "missing (5.0.2: never).",
    ),
    lxd_requirements: requirements(
      "Read by LXD instead of requirements when it is there, even when empty. Incus does not know it.",
    ),
    supported: z
      .boolean()
      .optional()
      .describe("Whether the release is supported. Not used by Incus and LXD; Multipass hides what is not."),
    support_eol: text(
      "Last day of support, YYYY-MM-DD, shown as the date of expiry. Anything else is shown as 1970.",
    ),
    variant: text(
      "What tells products of one release apart, such as default or cloud. Give it to all products of a release or to none: between those " +
        "with and those without it the order is undefined.",
    ),
    version: text("Version of the system, such as 12. A property of the image."),
    versions: z.record(z.string(), versionDefinition).optional().describe("The builds, by date."),
  })
  .describe(
    "What is built again and again. Its key, by custom os:release:variant:arch, is ignored by Incus and LXD.",
  );

/** A products file. */
export const productsDefinition = z
  .looseObject({
    content_id: text(
      "Name of this list, by custom equal to its key in the index. Not used by Incus and LXD; sstream tools insist on it.",
    ),
    datatype: text(
      "Kind of content: image-downloads. Not used by Incus and LXD, which read it in the index.",
    ),
    format: text("products:1.0. Not used by Incus and LXD; sstream tools insist on it."),
    license: text("Address of the licence of the list. Not used."),
    updated: text(
      "When the list was made, as in RFC 2822: Wed, 20 Mar 2013 17:56:57 +0000. Not used by Incus and LXD; MAAS insists on the form.",
    ),
    products: z.record(z.string(), productDefinition).describe("The products, by any key."),
  })
  .describe("A products file: what can be had, in which builds, made of which files.");

/** One line of an index. */
export const indexEntryDefinition = z
  .looseObject({
    datatype: text(
      "Kind of content. Incus and LXD read entries that say image-downloads and skip all others.",
    ),
    path: text("Where the products file is, relative to the root of the server and not to the index."),
    format: text("products:1.0. Not used by Incus and LXD; sstream tools and Juju read no entry without it."),
    updated: text(
      "When the products file was made, as in RFC 2822: Wed, 20 Mar 2013 17:56:57 +0000. Not used by Incus and LXD; Multipass needs it.",
    ),
    products: z
      .array(z.string())
      .optional()
      .describe(
        "Keys of the products in the file. When it is empty or missing, Incus and LXD never fetch the file; what is in it they do not " +
          "compare. Juju does.",
      ),
  })
  .describe("One products file. Its key, by custom the content_id of the file, is ignored by Incus and LXD.");

/** `streams/v1/index.json`. */
export const indexDefinition = z
  .looseObject({
    format: text("index:1.0. Not used by Incus and LXD; sstream tools and Juju insist on it."),
    updated: text(
      "When the index was made, as in RFC 2822: Wed, 20 Mar 2013 17:56:57 +0000. Not used by Incus and LXD.",
    ),
    index: z
      .record(z.string(), indexEntryDefinition)
      .describe("The products files, by any key. Incus and LXD read them in random order."),
  })
  .describe("The index at streams/v1/index.json: where the products files are. Clients ask for it first.");
