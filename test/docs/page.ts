import { readFileSync } from "node:fs";

/** A page of the documentation, and the examples that are marked in it. */
export interface Page {
  readonly text: string;
  /** What stands between the fences of this language, in the order of the page. */
  blocks(language: string): string[];
}

export function readPage(name: string): Page {
  const text = readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  return {
    text,
    blocks: (language) =>
      [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, body = ""]) => body),
  };
}

/** The block that holds `mark`; a page that has lost it fails here, by name. */
export function blockWith(page: Page, language: string, mark: string): string {
  const found = page.blocks(language).filter((body) => body.includes(mark));
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`${found.length} blocks of ${language} have ${JSON.stringify(mark)} in them`);
  }
  return only;
}
