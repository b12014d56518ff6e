import { it } from "vitest";
import { checkRandomHistories } from "./random-histories.ts";

it("keeps what rules and pins keep, and nothing else, in 3000 random histories", () =>
  checkRandomHistories(3000));
