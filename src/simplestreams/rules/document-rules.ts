import { edit, inItem } from "./examples.ts";
import { PRODUCT, PRODUCTS_PATH } from "./smallest-tree.ts";
import { everyReader, imageClients } from "./readers.ts";
import type { Edit, Rule } from "./rule.ts";

function inEntry(field: string, value?: Edit["value"]): readonly Edit[] {
  return [{ document: "index", at: ["index", "images", field], ...(value === undefined ? {} : { value }) }];
}

/** What documents must be at all, and what an index must say for its products files to be read. */
export const documentRules = {
  "index-missing": {
    level: "error",
    text: "The index is at streams/v1/index.json below the address of the remote",
    symptom: "Every command on the remote fails with a status such as 404",
    mend: "Put index.json there, or correct the address: no other name is tried",
    source: "simplestreams.go parseStream (Incus, LXD): the path is a constant",
    readers: everyReader,
    example: { edits: [{ document: "index", at: [] }] },
  },
  "products-missing": {
    level: "error",
    text: "Every products file that the index names for image downloads is there",
    symptom: "The whole remote fails, also the images of other products files",
    mend: "Put the file at the path that the index names, relative to the root of the server, or take the entry out of the index",
    source: "simplestreams.go getImages (Incus, LXD): the first products file that fails ends the listing",
    readers: everyReader,
    example: { edits: [{ document: "products", at: [] }] },
  },
  "json-text": {
    level: "error",
    text: "Every document is one JSON object in UTF-8 with nothing around it",
    symptom:
      "The whole remote fails with an error of the JSON decoder, for as long as clients keep what they got",
    mend: "Write the document whole under another name and rename it, and answer with an error status while there is none",
    source:
      "simplestreams.go parseStream, parseProducts (Incus, LXD): encoding/json takes one value and nothing around it",
    readers: everyReader,
    example: { edits: [edit([], "<html>We will be back soon</html>")] },
  },
  "json-type": {
    level: "error",
    text: "Every field that a client reads has the type that the client expects",
    symptom: "The whole remote fails with `cannot unmarshal`, for one wrong value in one image",
    mend: "Write texts in quotes, sizes as whole numbers without quotes, and aliases as one text with commas",
    source:
      "products.go, index.go (Incus, LXD): Go decodes into fixed types, and one wrong type fails the whole file",
    readers: imageClients,
    example: {
      edits: [inItem("squashfs", "size", "1000000")],
    },
  },
  "document-size": {
    level: "error",
    text: "A products file has at most 64 MiB, and makes at most 100,000 images",
    symptom: "Clients are slow or run out of memory; Headwater does not look into such a document",
    mend: "List fewer versions, or split the products file",
    source: "Headwater's own limit: the clients have none",
    readers: everyReader,
    example: { answer: "A products file of 70 MiB" },
  },
  "index-empty": {
    level: "error",
    text: "The index names at least one products file",
    symptom: "The list of images is empty, without an error",
    mend: "Add an entry under index, with datatype, path and products",
    source: "simplestreams.go getImages (Incus, LXD): images come from the entries of the index",
    readers: imageClients,
    example: { edits: [{ document: "index", at: ["index"], value: {} }] },
  },
  "entry-datatype": {
    level: "error",
    text: "An entry for images has the datatype image-downloads",
    symptom: "All images of a products file are missing, without an error",
    mend: 'Write "datatype": "image-downloads" into the entry of the index',
    source: "simplestreams.go getImages (Incus, LXD): entries of any other datatype are skipped",
    readers: imageClients,
    example: { edits: inEntry("datatype") },
  },
  "entry-other-datatype": {
    level: "note",
    text: "Entries of other datatypes are for other programs",
    symptom: "What a products file for clouds, Juju or MAAS has is not listed",
    mend: "Leave it, or list the images in a products file of datatype image-downloads as well",
    source: "simplestreams.go getImages (Incus, LXD): entries of any other datatype are skipped",
    readers: imageClients,
    example: { edits: inEntry("datatype", "image-ids") },
  },
  "entry-products": {
    level: "error",
    text: "The list of products in an entry is not empty",
    symptom: "All images of a products file are missing, without an error",
    mend: "Write the keys of the products into the list `products` of the entry",
    source:
      "simplestreams.go getImages (Incus, LXD): an entry without products is skipped; which they are is not compared",
    readers: imageClients,
    example: { edits: inEntry("products", []) },
  },
  "entry-path": {
    level: "error",
    text: "The path of an entry leads to a file below the root of the server, from that root",
    symptom: "The whole remote fails with a status such as 404",
    mend: "Write the path relative to the root of the server, such as streams/v1/images.json, without a scheme",
    source: "simplestreams.go parseProducts (Incus, LXD): the path is joined to the address of the remote",
    readers: everyReader,
    example: { edits: inEntry("path", "https://images.example/streams/v1/images.json") },
  },
  "entry-basename": {
    level: "error",
    text: "The last parts of the paths of index and products files differ from each other",
    symptom:
      "Some images are listed twice and cannot be used, others are missing, and it changes from time to time",
    mend: "Give every products file a file name of its own, other than index.json",
    source:
      "simplestreams.go cachedDownload (Incus, LXD): documents are kept under the last part of their path; the LXD command line alone keeps none",
    readers: imageClients,
    example: {
      edits: [
        {
          document: "index",
          at: ["index", "other"],
          value: { datatype: "image-downloads", path: "other/images.json", products: [PRODUCT] },
        },
        { document: "other", at: [], value: { products: {} } },
      ],
    },
  },
  "entry-repeated": {
    level: "error",
    text: "Each products file is named by one entry",
    symptom: "Every image of it is listed twice, and using one fails with `More than one match`",
    mend: "Take one of the entries out of the index",
    source: "simplestreams.go getImages (Incus, LXD): the images of every entry are put together as they are",
    readers: imageClients,
    example: {
      edits: [
        {
          document: "index",
          at: ["index", "again"],
          value: { datatype: "image-downloads", path: PRODUCTS_PATH, products: [PRODUCT] },
        },
      ],
    },
  },
} as const satisfies Record<string, Rule>;
