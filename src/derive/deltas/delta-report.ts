/** What a product's newest version has, or gets, or does not get. */
export type DeltaOutcome =
  /** It has a delta already; of `size` bytes, from `base`. */
  | { readonly outcome: "present"; readonly size: number }
  | { readonly outcome: "made"; readonly size: number }
  /** With `dryRun`: it would be tried. */
  | { readonly outcome: "wanted" }
  /** A delta would be half the root or more: given up at `size` bytes. `before`: found out in an earlier run. */
  | { readonly outcome: "not worth it"; readonly size: number; readonly before: boolean }
  /** One of the two files is larger than `maxSize`. */
  | { readonly outcome: "too large" }
  | { readonly outcome: "failed"; readonly reason: string; readonly before: boolean }
  /** While it was made, its base or the version itself went. */
  | { readonly outcome: "overtaken" };

export type DeltaReport = DeltaOutcome & {
  readonly product: string;
  readonly version: string;
  readonly base: string;
  /** Bytes of the whole root. */
  readonly rootSize: number;
};
