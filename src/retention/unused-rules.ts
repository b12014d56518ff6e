import { type ImageStream, listingOf } from "../views/image-stream.ts";
import { isSelected, type RetentionPolicy } from "./policy.ts";

/** Rules that count for nothing that is listed, as sentences: a name with a typo leaves what it is about to the general rules. */
export function unusedRules(policy: RetentionPolicy, streams: readonly ImageStream[]): string[] {
  const names = new Set(streams.map(({ name }) => name));
  const missing = [...policy.streams.keys()].filter((name) => !names.has(name));
  const idle = policy.products.filter(({ select }) => !streams.some((stream) => selectsAny(select, stream)));
  return [
    ...missing.map(
      (name) => `Rules for the image stream ${name} count for nothing: there is none of that name.`,
    ),
    ...idle.map(({ text }) => `Rules for products with ${text} count for nothing: none is listed.`),
  ];
}

function selectsAny(select: RetentionPolicy["products"][number]["select"], stream: ImageStream): boolean {
  for (const [path, file] of listingOf(stream)) {
    for (const [productName, product] of file.products) {
      if (isSelected(select, stream.name, { path, file, productName, product })) return true;
    }
  }
  return false;
}
