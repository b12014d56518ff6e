import { HeadwaterError } from "../error.ts";

/** @param found what it has, as the end of a sentence */
export function notABundle(place: string, found: string): HeadwaterError {
  return new HeadwaterError("BUNDLE_INVALID", `${place} is damaged, or no bundle: it has ${found}.`, {
    hint: "Copy it again from where it was made. A bundle that was packed again by another program cannot be read.",
    details: { path: place },
  });
}
