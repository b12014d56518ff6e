import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Xdelta3 } from "../../../src/derive/deltas/xdelta3.ts";

/**
 * How a stand-in for the xdelta3 program behaves. `right`: its deltas are the length of the common beginning and the rest. `garbage`: what
 * it prints decodes to nothing. `wrong`: decodes to other bytes. `endless`: to bytes without end. `waits`: prints nothing until the file
 * `go` is there.
 */
export type Behaviour = "right" | "garbage" | "wrong" | "endless" | "fails" | "large" | "waits" | "half";

const PROGRAM = `
import { appendFileSync, existsSync, readFileSync, writeSync } from "node:fs";
const behaviour = process.argv[2];
const folder = process.argv[3];
const args = process.argv.slice(4);
if (args[0] === "-V") process.exit(0);
const base = readFileSync("/dev/fd/3");
const input = readFileSync(0);
const print = (bytes) => { for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at, Math.min(65536, bytes.length - at)); };
const common = (a, b) => { let at = 0; while (at < a.length && a[at] === b[at]) at++; return at; };
if (args[0] === "-e") {
  appendFileSync(folder + "/tries", args.join(" ") + "\\n");
  if (behaviour === "fails") { process.stderr.write("xdelta3: no \\u001b[31mspace\\n"); process.exit(1); }
  if (behaviour === "waits") while (!existsSync(folder + "/go")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  if (behaviour === "garbage") { print(Buffer.from("not a delta")); process.exit(0); }
  if (behaviour === "large") { print(input); process.exit(0); }
  const length = common(base, input);
  const header = Buffer.alloc(4);
  header.writeUInt32LE(length);
  print(Buffer.concat([header, input.subarray(length)]));
  if (behaviour === "half") process.kill(process.pid, "SIGKILL");
} else {
  if (behaviour === "garbage") { process.stderr.write("xdelta3: not a VCDIFF input"); process.exit(1); }
  if (behaviour === "wrong") { print(Buffer.from("other bytes")); process.exit(0); }
  if (behaviour === "endless") for (;;) print(Buffer.alloc(65536));
  print(Buffer.concat([base.subarray(0, input.readUInt32LE(0)), input.subarray(4)]));
}
`;

/** A program of that behaviour in `folder`, which needs no xdelta3 on this machine. */
export async function standIn(folder: string, behaviour: Behaviour = "right"): Promise<Xdelta3> {
  const source = join(folder, "stand-in.mjs");
  const program = join(folder, `xdelta3-${behaviour}`);
  await writeFile(source, PROGRAM);
  await writeFile(
    program,
    `#!/bin/sh\nexec "${process.execPath}" "${source}" ${behaviour} "${folder}" "$@"\n`,
  );
  await chmod(program, 0o755);
  return new Xdelta3(program);
}

/** The command lines it was asked to encode with so far. */
export async function triesIn(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, "tries"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}
