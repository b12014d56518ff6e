/** Of the first part of a bundle, and a beginning of the others' names. */
const DIGITS = 3;

/** `site.hwb.001` is the first part of `site.hwb`. */
export function partName(name: string, number: number): string {
  return `${name}.${String(number).padStart(DIGITS, "0")}`;
}

/** The bundle a file is a part of, and which; undefined for a name that no part has. */
export function parsePartName(file: string): { readonly name: string; readonly number: number } | undefined {
  const [, name, digits] = /^(.+)\.(\d{3,6})$/.exec(file) ?? [];
  const number = Number(digits);
  return name === undefined || number === 0 ? undefined : { name, number };
}

/** How many parts a bundle of so many bytes has, and how long each is. */
export function sizesOfParts(total: number, partSize: number | null): readonly number[] {
  if (partSize === null) return [total];
  const sizes = [];
  for (let left = total; left > 0; left -= partSize) sizes.push(Math.min(left, partSize));
  return sizes;
}
