import type { Rule } from "./rule.ts";

const DAEMONS = ["incus 6.0", "incus 7", "lxd 5.0", "lxd 5.21", "lxd 6"] as const;
const ALL = [...DAEMONS, "lxc", "sstream"] as const;

/** What must be true of the answers of a server, for documents and for files. */
export const transportAnswerRules = {
  "answer-status": {
    level: "error",
    text: "What is there is answered with the status 200",
    symptom: "The client fails and quotes the status, such as `206 Partial Content`",
    mend: "Answer a GET without Range and without conditions with 200 and all bytes",
    source:
      "shared/simplestreams/simplestreams.go, and DownloadFileHash in shared/util/net.go (Incus) and shared/util.go (LXD): the status is compared with 200",
    readers: DAEMONS,
    example: { answer: "206, 204 or 304 to a plain GET" },
  },
  "answer-broken": {
    level: "error",
    text: "An answer comes whole, and is HTTP",
    symptom: "`unexpected EOF`, a download that hangs, or a hash that differs each time",
    mend: "Look into the server's log: a length that is announced and not sent, a limit on time or size in a proxy, a damaged file beside the one that is gzipped",
    source:
      "net/http of Go: a body that is shorter than announced is an error; shared/simplestreams and client/simplestreams_images.go (Incus, LXD) pass it on, and neither tries again",
    readers: ALL,
    example: { answer: "a Content-Length of 1000 and half as many bytes" },
  },
  "late-answer": {
    level: "warning",
    text: "The head of an answer comes within 10 seconds",
    symptom: "Commands about the remote seem to hang at first",
    mend: "Send what is being fetched from elsewhere while it comes, instead of after all of it has come",
    source:
      "client/simplestreams_images.go (Incus, LXD): a file whose head takes 30 seconds fails; on a busy day 10 become 30",
    readers: DAEMONS,
    example: { answer: "a head after 12 seconds" },
  },
  "slow-answer": {
    level: "error",
    text: "The head of an answer comes within 30 seconds",
    symptom: "`net/http: timeout awaiting response headers` for a file; for a document a command that hangs",
    mend: "Send what is being fetched from elsewhere while it comes, instead of after all of it has come",
    source:
      "client/simplestreams_images.go (Incus, LXD): ResponseHeaderTimeout is 30 seconds for files; client/util.go has an hour for documents",
    readers: DAEMONS,
    example: { answer: "a mirror that fetches the whole file before its first byte" },
  },
  "document-missing": {
    level: "error",
    text: "The index, and each products file it names, is there",
    symptom: "The whole remote fails, also when one products file of several is missing",
    mend: "Put the file there, or take its entry out of the index",
    source:
      "shared/simplestreams/simplestreams.go (Incus, LXD): the error of one products file is returned for the remote",
    readers: ALL,
    example: { answer: "404 for a products file of the index" },
  },
  "document-html": {
    level: "error",
    text: "A document is answered with that document, or with a status that is not 200",
    symptom:
      "`invalid character '<' looking for beginning of value`, and daemons repeat it for an hour after the server is right again",
    mend: "Answer with 503 while the tree cannot be served, and with 404 where nothing is: clients then use the copy they have",
    source:
      "shared/simplestreams/simplestreams.go (Incus, LXD): a body with status 200 is written to the cache before it is parsed",
    readers: ALL,
    example: { answer: "200 with a page that says the site is being worked on" },
  },
  "document-empty": {
    level: "error",
    text: "A document has at least one byte",
    symptom: "The remote fails: `No content in download` (Incus), `unexpected end of JSON input` (LXD)",
    mend: "Write documents under another name and rename them when they are complete",
    source: "shared/simplestreams/simplestreams.go (Incus, LXD): an empty body is an error",
    readers: DAEMONS,
    example: { answer: "200 with no body" },
  },
  "document-encoding": {
    level: "error",
    text: "A document is sent as it is, or with Content-Encoding: gzip and no other",
    symptom: "`invalid character` at the beginning of the document, in every client but a browser",
    mend: "Switch off all compression but gzip, and send it to those only who ask for it",
    source:
      "net/http of Go, Transport: a body is decompressed when its encoding is exactly gzip; Incus and LXD ask for nothing else",
    readers: DAEMONS,
    example: { answer: "Content-Encoding: br" },
  },
  "document-uncompressed": {
    level: "note",
    text: "A document of more than 256 KiB is sent with gzip",
    symptom: "Nothing a user sees, but each client fetches all of it again, each hour",
    mend: "Switch gzip on for application/json, or put a gzipped copy beside the file",
    source:
      "shared/simplestreams/simplestreams.go (Incus, LXD): a document is never asked for with a condition; Go asks for gzip by itself",
    readers: DAEMONS,
    example: { answer: "300 KiB of JSON without Content-Encoding" },
  },
  "document-cached": {
    level: "warning",
    text: "A proxy may keep a document for an hour at most",
    symptom: "New images are listed hours late, or an old index names files that are gone",
    mend: "Send Cache-Control: no-cache, or a max-age of some minutes, for what is under streams/",
    source:
      "shared/simplestreams/simplestreams.go, and daemon_images.go of both: daemons keep index and products an hour each, on top of what a proxy does; RFC 9111 section 4.2 for proxies",
    readers: ALL,
    example: { answer: "Cache-Control: public, max-age=86400, immutable" },
  },
  "file-missing": {
    level: "error",
    text: "Every file that is listed is there",
    symptom: "The image is listed, and a launch fails with 404",
    mend: "Put the file there, or take its version out of the list; delete files an hour after their entry at the earliest",
    source:
      "client/simplestreams_images.go (Incus, LXD): the file is asked for over http and https, and then the download fails; LXD keeps its list until the hour is over",
    readers: ALL,
    example: { answer: "404 for a listed file" },
  },
  "file-encoding": {
    level: "error",
    text: "A file that is compressed in itself has no Content-Encoding",
    symptom: "`Hash mismatch` for a file that is right when it is downloaded with curl",
    mend: "Take .gz and .tgz out of what the web server announces as encoded, or delete the encoding from the object's metadata",
    source:
      "net/http of Go, Transport: a body with Content-Encoding: gzip is decompressed, and client/simplestreams_images.go (Incus, LXD) hashes what comes out",
    readers: DAEMONS,
    example: { answer: "Content-Encoding: gzip for a .tar.gz" },
  },
  "file-compressed": {
    level: "note",
    text: "Files are sent without being compressed on the way",
    symptom: "Downloads without a percentage, and a busy server",
    mend: "Compress documents only: images are compressed already",
    source:
      "net/http of Go, Transport: it asks for gzip for files too, and decompressed bodies have no length",
    readers: DAEMONS,
    example: { answer: "Content-Encoding: gzip, added on the way, for a squashfs" },
  },
  "served-size": {
    level: "error",
    text: "A file has as many bytes as are listed",
    symptom: "`Hash mismatch`, since it is another file",
    mend: "Publish files before the documents that list them, under names that are new, and never change one afterwards",
    source:
      "client/simplestreams_images.go (Incus, LXD): every file is compared with its sha256; LXD after 6.9 reads no further than the listed size",
    readers: [...DAEMONS, "sstream"],
    example: { answer: "a file that is one byte longer than listed" },
  },
  "served-hash": {
    level: "error",
    text: "A file has the sha256 that is listed",
    symptom: "`Hash mismatch`",
    mend: "Publish the file that was listed again, or list this one as a new version: what is behind a name must not change",
    source:
      "client/simplestreams_images.go, and DownloadFileHash in shared/util/net.go (Incus) and shared/util.go (LXD): the sum of what came is compared with the listed sha256",
    readers: [...DAEMONS, "sstream"],
    example: { answer: "as many bytes as listed, and others" },
  },
  "served-fingerprint": {
    level: "error",
    text: "The metadata's bytes followed by the root's have the listed fingerprint",
    symptom: "Everything is downloaded, and then: the image fingerprint does not match",
    mend: "Compute the combined hash again: cat METADATA ROOT | sha256sum",
    source:
      "client/simplestreams_images.go (Incus since 6.23, LXD since 6.8): the combined hash is compared; so do Incus 6.0.4 and LXD 5.0.2 as Debian has them, with the fix for CVE-2026-33542 (tried); others believe the list",
    readers: ["incus 6.0", "incus 7", "lxd 5.0", "lxd 6"],
    example: { answer: "files that are as listed, and a combined hash of something else" },
  },
  "no-length": {
    level: "note",
    text: "A file is sent with its length",
    symptom:
      "Downloads show bytes instead of a percentage, and one that is cut short is noticed by its hash only",
    mend: "Send Content-Length for files",
    source: "shared/util/net.go (Incus): progress comes from Content-Length; LXD takes the listed size",
    readers: ["incus 6.0", "incus 7"],
    example: { answer: "a file with Transfer-Encoding: chunked" },
  },
} as const satisfies Record<string, Rule>;
