import { edit, inItem } from "./examples.ts";
import type { Rule } from "./rule.ts";

const SSTREAM = ["sstream"] as const;
const LXC = ["lxc"] as const;

/** What the other programs that read such a tree need: the Python tools, and the older client of LXC with an index of its own. */
export const readerRules = {
  "sstream-format": {
    level: "warning",
    text: "Index, entries and products files say their format, index:1.0 or products:1.0",
    symptom: "sstream-mirror ends with an error, or passes over a products file",
    mend: 'Write "format": "index:1.0" into the index, and "format": "products:1.0" into each entry and products file',
    source: "simplestreams mirrors/__init__.py sync: it goes by format and takes nothing else",
    readers: SSTREAM,
    example: { edits: [edit(["format"])] },
  },
  "sstream-content-id": {
    level: "warning",
    text: "A products file has a content_id",
    symptom: "sstream-mirror ends with an error",
    mend: "Write content_id into the products file, the same as its key in the index",
    source: "simplestreams mirrors/__init__.py sync_products: it reads content_id without a default",
    readers: SSTREAM,
    example: { edits: [edit(["content_id"])] },
  },
  "sstream-checksum": {
    level: "warning",
    text: "Every item with a path has a size and a checksum (md5, sha256 or sha512)",
    symptom: "sstream-mirror ends with an error at this item",
    mend: "Write size and sha256 into the item",
    source: "simplestreams contentsource.py and checksum_util.py: an item without them is refused",
    readers: SSTREAM,
    example: { edits: [inItem("squashfs", "size")] },
  },
  "sstream-path": {
    level: "warning",
    text: 'Paths begin with no "/" and have no ".." in them',
    symptom: "sstream-mirror ends with an error at this path",
    mend: "Write the path relative to the root of the server",
    source: "simplestreams util.py assert_safe_path: such paths are refused",
    readers: SSTREAM,
    example: { edits: [inItem("squashfs", "path", "/images/demo/root.squashfs")] },
  },
  "lxc-index": {
    level: "note",
    text: "lxc-create -t download reads an index of its own, meta/1.0/index-system",
    symptom: "lxc-create -t download fails at once",
    mend: "Serve that index as well, if containers of LXC should come from here",
    source:
      "LXC templates/lxc-download.in: it asks for meta/1.0/index-system.7 (since 4.0), then for index-system, users for index-user; never for simplestreams",
    readers: LXC,
    example: { edits: [] },
  },
  "lxc-line": {
    level: "error",
    text: "A line of the LXC index has six fields: distribution, release, architecture, variant, build, path",
    symptom: "An image is missing in the list of lxc-create -t download",
    mend: "Write the line as debian;bookworm;amd64;default;20260101_00:00;/images/debian/bookworm/amd64/default/20260101_00:00/",
    source:
      "LXC templates/lxc-download.in: lines are split at semicolons, and a line without a path is passed over",
    readers: LXC,
    example: { edits: [{ document: "lxc", at: [], value: "debian;bookworm;amd64;default\n" }] },
  },
  "lxc-path": {
    level: "error",
    text: 'The path in a line of the LXC index is one below the root of the server, without scheme, "..", "?" and "#"',
    symptom: "lxc-create -t download lists an image and cannot fetch it",
    mend: "Write the path of the build's folder from the root of the server, such as /images/debian/bookworm/amd64/default/1/",
    source:
      "LXC templates/lxc-download.in: address, path and file name are put together with slashes between them, and nothing is escaped",
    readers: LXC,
    example: {
      edits: [
        {
          document: "lxc",
          at: [],
          value: "debian;bookworm;amd64;default;1;https://cdn.example/images/debian/\n",
        },
      ],
    },
  },
  "lxc-repeated": {
    level: "warning",
    text: "The LXC index has one line for each distribution, release, architecture and variant",
    symptom: "lxc-create -t download fetches an older build",
    mend: "Keep the line of the newest build",
    source: "LXC templates/lxc-download.in: the first line that matches is taken",
    readers: LXC,
    example: {
      edits: [
        {
          document: "lxc",
          at: [],
          value: "debian;bookworm;amd64;default;1;/images/a/\ndebian;bookworm;amd64;default;2;/images/b/\n",
        },
      ],
    },
  },
} as const satisfies Record<string, Rule>;
