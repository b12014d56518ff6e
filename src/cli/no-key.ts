import { HeadwaterError } from "../error.ts";

/** What a command says that needs the signing key of a store without one. */
export function noKey(folder: string): HeadwaterError {
  return new HeadwaterError("NOT_FOUND", `there is no signing key in ${folder}`, {
    hint: "headwater key new makes one, headwater key import takes one.",
    details: { path: folder },
  });
}
