/** The JavaScript examples of a page, in order. */
export function examplesIn(page: string): string[] {
  return [...page.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code ?? "");
}

/** What an example says it prints: the comments that stand alone on a line after the code that prints them. */
export function promised(code: string): string[] {
  return code
    .split("\n")
    .filter((line, at, all) => line.startsWith("// ") && all[at + 1]?.startsWith("const") !== true)
    .map((line) => line.slice(3));
}
