/** First parts of URL paths that mean something else. */
const TAKEN: ReadonlySet<string> = new Set([
  "images",
  "index",
  "streams",
  "meta",
  "healthz",
  "metrics",
  "ca",
]);

/** Whether an image stream that was not made here can have this name: it becomes the first part of URLs. */
export function isStreamName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(name) && !TAKEN.has(name);
}
