import type { Json } from "./products.ts";

/** Which items of an upstream are wanted: all conditions hold. Looks at an item's fields and what it inherits from version, product and tree. */
export type Selection = (fields: SelectedFields) => boolean;

/** Fields by name, as text is compared: `product`, `version_name`, `item` besides those of the documents. */
export type SelectedFields = (name: string) => Json | undefined;
