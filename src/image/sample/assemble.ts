/** One line of a program: a name for the place, bytes, or an instruction whose bytes depend on how far away a name is. */
export type Line =
  | { readonly label: string }
  | { readonly bytes: readonly number[] }
  | {
      readonly target: string;
      readonly length: number;
      /** `distance` in bytes, from the start of this instruction to the target. */
      readonly encode: (distance: number) => readonly number[];
    };

/** Puts the lines together in two passes: where every name is, then the bytes. */
export function assemble(lines: readonly Line[]): Buffer {
  const places = new Map<string, number>();
  let length = 0;
  for (const line of lines) {
    if ("label" in line) places.set(line.label, length);
    else length += "bytes" in line ? line.bytes.length : line.length;
  }
  const code: number[] = [];
  for (const line of lines) {
    if ("bytes" in line) code.push(...line.bytes);
    else if ("target" in line) code.push(...line.encode((places.get(line.target) ?? 0) - code.length));
  }
  return Buffer.from(code);
}

/** A name for the place where the next line lies. */
export function label(name: string): Line {
  return { label: name };
}
