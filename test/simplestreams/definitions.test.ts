import { expect, test } from "vitest";
import * as z from "zod";
import { indexDefinition, productsDefinition } from "../../src/simplestreams/definitions.ts";

test("JSON Schemas come out of the definitions that validation uses", () => {
  const products = z.toJSONSchema(productsDefinition);
  expect(products).toMatchObject({ type: "object", required: ["products"], additionalProperties: {} });
  expect(JSON.stringify(products)).toContain('"combined_disk-kvm-img_sha256":{"type":"string"}');
  expect(z.toJSONSchema(indexDefinition)).toMatchObject({ type: "object", required: ["index"] });
});
