import { it } from "vitest";
import { checkRandomHistories } from "./random-histories.ts";

it(
  "keeps what rules and pins keep, and nothing else, whatever happens",
  () => checkRandomHistories(60),
  120_000,
);
