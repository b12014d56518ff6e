import { z } from "zod";
import { HeadwaterError } from "../error.ts";

/** A string that another function reads; what that refuses becomes an issue at the right place. */
export function parsedBy<Value>(parse: (text: string) => Value) {
  return z.union([z.string(), z.int().transform(String)]).transform((text, context): Value => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}
