import type { Generation } from "../store/generation.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { visible } from "./visible.ts";

export interface Published {
  readonly store: Store;
  /** Undefined when everything was so already. */
  readonly generation: Generation | undefined;
  readonly alias?: string;
  /** The products this was about. */
  readonly products?: readonly string[];
}

/** What a command that publishes has to say: the generation it made, or that there was nothing to do. */
export function printPublished(io: Io, options: GlobalOptions, published: Published): void {
  const { store, generation, alias, products } = published;
  if (options.json === true) {
    io.stdout.write(jsonText({ store: store.name, generation: generation?.number ?? null, alias, products }));
    return;
  }
  if (options.quiet === true) return;
  const about = (products ?? []).map((product) => `  ${visible(product)}\n`).join("");
  const headline =
    generation === undefined
      ? "Nothing to do: it is so already."
      : `Published generation ${generation.number}: ${generation.reason.verb} ${visible(generation.reason.text)}`;
  io.stdout.write(`${headline}\n${about}`);
}
