import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { join } from "node:path";

const FILE = join(import.meta.dirname, "RESULTS.md");

/** Adds one section to RESULTS.md: when, where, with what, how, and the table. */
export function record({ title, versions, notes = [], table }) {
  if (!existsSync(FILE)) {
    writeFileSync(
      FILE,
      "# Measured\n\nEvery section was written by a script in this folder; the newest is last. Ratios compare two servers inside one\nrun, in turns, and come as median [lowest-highest]. Below 0.95 of a stated target is a miss.\n",
    );
  }
  const [cpu] = cpus();
  const machine = `${cpus().length} x ${cpu?.model ?? arch()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  const words = ["node", "bench/" + process.argv[1].split("/").at(-1), ...process.argv.slice(2)];
  const section = [
    `## ${title}`,
    "",
    `* ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC, commit ${commit()}, ${machine}`,
    `* ${[`Node ${process.version}`, ...versions].join(", ")}`,
    `* \`${words.join(" ")}\``,
    ...notes.map((note) => `* ${note}`),
    "",
    ...asMarkdown(table),
  ];
  appendFileSync(FILE, `\n${section.join("\n")}\n`);
}

export function asMarkdown([head, ...rows]) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function commit() {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname })
      .toString()
      .trim();
  } catch {
    // Measured from an archive without history.
    return "unknown";
  }
}
