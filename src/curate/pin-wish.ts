import { HeadwaterError } from "../error.ts";

/** What a command line wants to pin, or to take a pin from. */
export type PinWish =
  | {
      readonly kind: "target";
      /** A product, an alias, or the beginning of a fingerprint. */
      readonly target: string;
      readonly version?: string;
    }
  | { readonly kind: "alias"; readonly alias: string }
  | {
      readonly kind: "generation";
      /** Its number, or a day. */
      readonly name: string;
    };

/** Reads `3fa9c0d1`, `debian/12`, `debian/12@20261121_0304`, `PRODUCT VERSION`, `@42`, `@2026-11-21`, or an alias alone. Throws USAGE. */
export function pinWish(words: readonly string[], alias: string | undefined): PinWish {
  const [target = "", version, ...rest] = words;
  if (alias !== undefined && words.length === 0) return { kind: "alias", alias };
  if (alias !== undefined || target === "" || rest.length > 0)
    throw usage("name one thing: an image, a version, a generation, or an alias with --alias");
  if (target.startsWith("@")) {
    if (version !== undefined) throw usage("a generation has no version");
    return { kind: "generation", name: target.slice(1) };
  }
  const at = target.lastIndexOf("@");
  if (at === -1) return { kind: "target", target, ...(version === undefined ? {} : { version }) };
  if (version !== undefined) throw usage(`${target} names a version already`);
  return { kind: "target", target: target.slice(0, at), version: target.slice(at + 1) };
}

function usage(message: string): HeadwaterError {
  return new HeadwaterError("USAGE", message, {
    hint: "Such as: headwater pin 3fa9c0d1, headwater pin debian/12@20261121_0304, headwater pin @42, headwater pin --alias debian/12.",
  });
}
