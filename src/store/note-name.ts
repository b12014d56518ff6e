/** Names of notes become paths: one or two plain words with `/` between them. */
export function isNoteName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]*(?:\/[a-z0-9][a-z0-9-]*)?$/.test(name);
}
