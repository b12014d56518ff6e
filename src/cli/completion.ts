import type { Command, Option } from "commander";

/** One place on the command line, such as `alias add`, and the words that may follow. */
interface Node {
  /** `headwater`, `headwater alias`, `headwater alias add`. */
  readonly path: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly Option[];
  readonly choices: readonly string[];
}

/** A completion script made of the command tree itself, so that it never lags behind. */
export function completionScript(program: Command, shell: "bash" | "zsh" | "fish"): string {
  const nodes = nodesOf(program, "headwater", [...program.options]);
  const scripts = {
    bash: () => bashScript(nodes),
    // zsh takes bash completions through a shim of its own.
    zsh: () => `autoload -Uz bashcompinit && bashcompinit\n${bashScript(nodes)}`,
    fish: () => fishScript(nodes),
  };
  return scripts[shell]();
}

function nodesOf(command: Command, path: string, globals: readonly Option[]): Node[] {
  const help = command.createHelp();
  const isRoot = command.parent === null;
  const subcommands = help.visibleCommands(command).filter(({ commands }) => commands !== undefined);
  const node: Node = {
    path,
    subcommands: subcommands.map((sub) => ({ name: sub.name(), description: sub.description() })),
    options: [...help.visibleOptions(command), ...(isRoot ? [] : globals)],
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  return [node, ...command.commands.flatMap((sub) => nodesOf(sub, `${path} ${sub.name()}`, globals))];
}

/** Walks the words typed so far down the tree, then offers what may follow; files where nothing else fits. */
function bashScript(nodes: readonly Node[]): string {
  const known = nodes.map(({ path }) => `    '${path}') return 0 ;;`);
  const offers = nodes.map(({ path, subcommands, options, choices }) => {
    const words = [...subcommands.map(({ name }) => name), ...choices].join(" ");
    return `    '${path}') words='${words}' flags='${options.flatMap(flagsOf).join(" ")}' ;;`;
  });
  const values = nodes.flatMap(({ path, options }) =>
    options
      .filter(({ argChoices }) => argChoices !== undefined)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => `'${path} ${flag}'`);
        return `    ${patterns.join("|")}) words='${(option.argChoices ?? []).join(" ")}' ;;`;
      }),
  );
  return `_headwater_known() {
  case "$1" in
${known.join("\n")}
  esac
  return 1
}

_headwater() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path=headwater words= flags= index
  for ((index = 1; index < COMP_CWORD; index++)); do
    if _headwater_known "$path \${COMP_WORDS[index]}"; then path="$path \${COMP_WORDS[index]}"; fi
  done
  case "$path" in
${offers.join("\n")}
  esac
  case "$path $previous" in
${values.join("\n")}
  esac
  if [[ $current == -* ]]; then words=$flags; fi
  COMPREPLY=($(compgen -W "$words" -- "$current" || true))
}

complete -o default -o bashdefault -F _headwater headwater
`;
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, subcommands, options, choices }) => {
    const [, ...verbs] = path.split(" ");
    const seen = verbs.map((verb) => `__fish_seen_subcommand_from ${verb}`);
    const names = subcommands.map(({ name }) => name).join(" ");
    const here = [...seen, ...(names === "" ? [] : [`not __fish_seen_subcommand_from ${names}`])].join(
      "; and ",
    );
    const when = here === "" ? "" : ` -n '${here}'`;
    return [
      ...subcommands.map(
        ({ name, description }) => `complete -c headwater -f${when} -a ${name} -d ${quoted(description)}`,
      ),
      ...choices.map((choice) => `complete -c headwater -f${when} -a ${choice}`),
      ...options.map(
        (option) => `complete -c headwater${when}${fishFlags(option)} -d ${quoted(option.description)}`,
      ),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function fishFlags(option: Option): string {
  const short = option.short === undefined || option.short === null ? "" : ` -s ${option.short.slice(1)}`;
  const long = option.long === undefined || option.long === null ? "" : ` -l ${option.long.slice(2)}`;
  const value =
    option.argChoices === undefined
      ? option.required
        ? " -r"
        : ""
      : ` -x -a '${option.argChoices.join(" ")}'`;
  return `${short}${long}${value}`;
}

function flagsOf(option: Option): string[] {
  return [option.short, option.long].filter((flag): flag is string => typeof flag === "string");
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
