/** What the rules of retention mean, written once more, slowly and from the page of the configuration: for comparing. */

export interface ModelFile {
  readonly name: string;
  readonly size: number;
}

export interface ModelVersion {
  readonly product: string;
  readonly version: string;
  readonly files: readonly ModelFile[];
  /** The delta's file and the version that it is made from. */
  readonly delta?: { readonly file: ModelFile; readonly base: string } | undefined;
  /** When it came into the store; undefined: it is not there. */
  readonly appearedMs?: number | undefined;
  readonly supersededMs?: number | undefined;
  readonly supportEol?: string | undefined;
  readonly isPinned: boolean;
}

export interface ModelRules {
  readonly versions?: number | undefined;
  readonly supersededForMs?: number | undefined;
  readonly supported?: boolean | undefined;
  readonly size?: number | undefined;
}

const byAge = (one: ModelVersion, other: ModelVersion): number => (one.version < other.version ? 1 : -1);

/** What stays of one image stream, by `product version`, and whether it keeps its delta. */
export function whatStays(
  all: readonly ModelVersion[],
  {
    stream,
    ofProduct,
    nowMs,
  }: {
    readonly stream: ModelRules | undefined;
    readonly ofProduct: (product: string) => ModelRules | undefined;
    readonly nowMs: number;
  },
): Map<string, { readonly hasDelta: boolean }> {
  const products = [...new Set(all.map(({ product }) => product))];
  const ages = new Map<ModelVersion, number>();
  const since = new Map<ModelVersion, number>();
  for (const product of products) {
    const versions = all.filter((one) => one.product === product).sort(byAge);
    for (const [age, one] of versions.entries()) {
      ages.set(one, age);
      const newer = versions.slice(0, age).flatMap(({ appearedMs }) => appearedMs ?? []);
      since.set(one, one.supersededMs ?? Math.min(nowMs, ...newer));
    }
  }
  const rulesOf = ({ product }: ModelVersion): ModelRules => ofProduct(product) ?? stream ?? {};
  const isFixed = (one: ModelVersion): boolean => ages.get(one) === 0 || one.isPinned;
  let kept = all.filter((one) => {
    const { versions, supersededForMs, supported } = rulesOf(one);
    if (isFixed(one)) return true;
    if (versions === undefined && supersededForMs === undefined && supported !== true) return true;
    const age = ages.get(one) ?? 0;
    const eolMs =
      one.supportEol === undefined ? Number.POSITIVE_INFINITY : Date.parse(one.supportEol) + 86_400_000;
    return (
      (versions !== undefined && age < versions) ||
      (supersededForMs !== undefined && nowMs - (since.get(one) ?? nowMs) < supersededForMs) ||
      (supported === true && nowMs < eolMs)
    );
  });
  const basesOf = (some: readonly ModelVersion[]): ModelVersion[] =>
    all.filter(
      (base) =>
        base.appearedMs !== undefined &&
        !some.includes(base) &&
        some.some((one) => one.product === base.product && one.delta?.base === base.version),
    );
  const bytesOf = (some: readonly ModelVersion[]): number => {
    const files = new Map<string, number>();
    for (const one of some) for (const { name, size } of filesOf(one)) files.set(name, size);
    for (const one of basesOf(some)) for (const { name, size } of one.files) files.set(name, size);
    return [...files.values()].reduce((sum, size) => sum + size, 0);
  };
  const within = (isMeant: (one: ModelVersion) => boolean, size: number): void => {
    const oldest = kept
      .filter((one) => isMeant(one) && !isFixed(one))
      .sort(
        (one, other) =>
          (since.get(one) ?? 0) - (since.get(other) ?? 0) ||
          (one.version < other.version ? -1 : one.version > other.version ? 1 : 0) ||
          (one.product < other.product ? -1 : 1),
      );
    for (const one of oldest) {
      if (bytesOf(kept.filter(isMeant)) <= size) return;
      kept = kept.filter((other) => other !== one);
    }
  };
  for (const product of products) {
    const size = ofProduct(product)?.size;
    if (size !== undefined) within((one) => one.product === product, size);
  }
  if (stream?.size !== undefined) within(() => true, stream.size);
  const stays = new Map<string, { hasDelta: boolean }>();
  const bases = basesOf(kept);
  const isGone = (product: string, version: string): boolean =>
    all.some(
      (one) =>
        one.product === product && one.version === version && !kept.includes(one) && !bases.includes(one),
    );
  for (const one of kept)
    stays.set(`${one.product} ${one.version}`, {
      hasDelta: one.delta !== undefined && !isGone(one.product, one.delta.base),
    });
  for (const one of bases) stays.set(`${one.product} ${one.version}`, { hasDelta: false });
  return stays;
}

export function filesOf({ files, delta }: ModelVersion): readonly ModelFile[] {
  return delta === undefined ? files : [...files, delta.file];
}
