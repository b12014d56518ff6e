import { deviations } from "./deviations.ts";
import { shapes } from "./shapes.ts";

/** Every tree that the real clients have listed, and of which it is recorded what they said. */
export const trees = [...deviations, ...shapes];
