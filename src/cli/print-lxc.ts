import type { LxcReport } from "../derive/lxc/make-lxc-files.ts";
import type { Store } from "../store/store.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { visible } from "./visible.ts";

/** Builds of one kind that a person is shown; `--json` has all. */
const SHOWN = 10;

export interface MadeForLxc {
  readonly store: Store;
  readonly report: LxcReport;
  readonly dryRun: boolean;
}

export function printLxc(io: Io, options: GlobalOptions, made: MadeForLxc): void {
  if (options.json === true) io.stdout.write(jsonText(lxcData(made)));
  else if (options.quiet !== true)
    io.stdout.write(
      linesOf(made)
        .map((line) => `${visible(line)}\n`)
        .join(""),
    );
}

function lxcData({ store, report, dryRun }: MadeForLxc): unknown {
  const { generation = null, made, failures, leftOut, hidden, listed } = report;
  return {
    store: store.name,
    generation,
    dryRun,
    listed,
    made: made.map(({ stream, product, version }) => ({ stream, product, version })),
    failures: failures.map(
      ({ work: { stream, product, version }, error: { code, message, hint = null } }) => ({
        stream,
        product,
        version,
        error: { code, message, hint },
      }),
    ),
    leftOut: leftOut.map(({ stream, product = null, reason }) => ({ stream, product, reason })),
    hidden,
  };
}

function linesOf({ report, dryRun }: MadeForLxc): string[] {
  const { made, failures, leftOut, hidden, listed, generation } = report;
  const headline =
    made.length === 0
      ? failures.length === 0
        ? "Nothing to do: every build that LXC can have is ready."
        : "Nothing was made."
      : `${dryRun ? "Would be made" : "Made"} for LXC: ${made.length === 1 ? "1 build" : `${made.length} builds`}`;
  return [
    headline,
    ...some(made, ({ stream, product, version }) => `  ${stream}/${product} ${version}`),
    ...failureLines(failures),
    ...some(
      leftOut,
      ({ stream, product, reason }) => `Left out: ${[stream, product].filter(Boolean).join("/")}: ${reason}`,
    ),
    ...some(hidden, ({ stream, product, reason }) => `Not in the index: ${stream}/${product}: ${reason}`),
    ...(dryRun
      ? []
      : [
          `In the index: ${listed === 1 ? "1 image" : `${listed} images`}${generation === undefined ? "" : ` (generation ${generation})`}`,
        ]),
  ];
}

/** A program that is missing fails every build in the same words: they are said once. */
function failureLines(failures: LxcReport["failures"]): string[] {
  const said = new Map<string, LxcReport["failures"][number][]>();
  for (const failure of failures) {
    const { message } = failure.error;
    said.set(message, [...(said.get(message) ?? []), failure]);
  }
  const lines: string[] = [];
  for (const [message, [first, ...others]] of said) {
    if (first === undefined) continue;
    const { stream, product, version } = first.work;
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    lines.push(`Not made: ${stream}/${product} ${version}${more}: ${message}`);
    if (first.error.hint !== undefined) lines.push(`  ${first.error.hint}`);
  }
  return lines;
}

function some<T>(all: readonly T[], line: (one: T) => string): string[] {
  const shown = all.slice(0, SHOWN).map(line);
  return all.length > SHOWN ? [...shown, `  and ${all.length - SHOWN} more`] : shown;
}
