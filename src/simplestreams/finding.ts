/**
 * Why a client does not list something, or lists it and cannot use it. Sources name the files of the client projects:
 * Incus is lxc/incus, LXD is canonical/lxd; `products.go`, `sort.go` and `simplestreams.go` are in shared/simplestreams of both.
 */
export const clientRules = {
  // not listed
  "json-type":
    "products.go (Incus, LXD): Go decodes into fixed types, and one wrong type fails the whole file",
  "json-text":
    "simplestreams.go parseProducts (Incus, LXD): encoding/json takes one JSON object and nothing around it",
  "unknown-architecture":
    "products.go ToAPI / ToLXD: a product is skipped when shared/osarch does not know its arch",
  "no-versions": "products.go ToAPI / ToLXD: images come from versions",
  "version-name":
    "products.go ToAPI / ToLXD: a version is skipped unless its name begins with a date, YYYYMMDD",
  "no-metadata":
    "products.go, end of ToAPI / ToLXD: Incus reads incus*.tar.*, LXD lxd*.tar.*, and ignores the other's",
  "no-root": "products.go, end of ToAPI / ToLXD: an image is a metadata item with a root of a known ftype",
  "no-fingerprint":
    "products.go addImage: without its combined hash (unified: sha256) an image is dropped silently",
  "metadata-path": "products.go addImage: a metadata item without a path makes no image",
  "delta-unread":
    "products.go addImage: LXD before 6.1, 5.21.2 and 5.0.4 reads deltas of squashfs roots only",
  "delta-base":
    "products.go addImage: a delta is left out unless its base version is listed with metadata and combined hash",
  // listed, and trouble
  "fingerprint-form": "daemon_images.go (Incus) and images.go (LXD): daemons want 64 lower-case hex digits",
  "file-hash": "client/simplestreams_images.go (Incus, LXD): every file is compared with its sha256",
  "file-path":
    "client/simplestreams_images.go (Incus, LXD): paths are joined to the server's URL, each client escapes in its own way",
  "file-size": "shared/util.go (LXD after 6.9): a download ends at the listed size",
  "duplicate-fingerprint":
    "simplestreams.go GetImage (Incus, LXD): two entries that match are an error, even for the whole fingerprint",
  "alias-taken":
    "simplestreams.go applyAliases (Incus, LXD): the first image to claim an alias has it, for its type and architecture",
  "alias-form": "products.go addImage (Incus, LXD): aliases are split at commas and not trimmed",
  "undefined-order":
    "sort.go Less (Incus, LXD): the test for a missing property looks at one side twice, so such images have no order",
  "unified-vm": "products.go addImage (LXD; Incus before 7.1 and 7.0.1): every unified image is a container",
  "vm-delta": "products.go addImage (Incus): the base of a VM delta is looked up by the squashfs fingerprint",
  "several-deltas":
    "client/simplestreams_images.go (Incus): every delta whose base is there is applied, one after the other, into one file",
} as const;

/** The name of a rule. */
export type ClientRule = keyof typeof clientRules;

/** One thing that a client does not list or cannot use: where, why, and how we know. */
export interface Finding {
  readonly rule: ClientRule;
  /** Key of the product; undefined when it is about the whole file. */
  readonly product?: string;
  readonly version?: string;
  /** Key of the item. */
  readonly item?: string;
  /** One sentence without a full stop, safe to print. */
  readonly reason: string;
  /** Project, file, and what the code there does. */
  readonly source: string;
}

/** Where a finding is. */
export interface Place {
  readonly product?: string;
  readonly version?: string;
  readonly item?: string;
}

/** A finding with the source of its rule. */
export function finding(rule: ClientRule, place: Place, reason: string): Finding {
  return { rule, ...place, reason, source: clientRules[rule] };
}
