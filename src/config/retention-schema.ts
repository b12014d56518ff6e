import { z } from "zod";
import { parseByteSize } from "./byte-size.ts";
import { parseDuration } from "./duration.ts";
import { parsedBy } from "./parsed-by.ts";

const rules = {
  versions: z.int().min(1).max(100_000).optional(),
  supersededFor: parsedBy(parseDuration).optional(),
  supported: z.boolean().optional(),
  size: parsedBy(parseByteSize).optional(),
};

const rulesSchema = z.strictObject(rules);

/** What versions are kept for, as one part of `retention` has it. */
export type RetentionSettings = Readonly<z.infer<typeof rulesSchema>>;

/** `retention` of `headwater.yaml`: rules for all image streams, for one, and for products. */
export const retentionSchema = z.strictObject({
  ...rules,
  streams: z.record(z.string(), rulesSchema).optional(),
  products: z.array(z.strictObject({ select: z.string().min(1), ...rules })).optional(),
});
