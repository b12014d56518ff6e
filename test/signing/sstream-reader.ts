/**
 * Takes the JSON out of a clear-signed document as python-simplestreams does (`read_signed` in `simplestreams/util.py`), which checks the
 * signature with gpgv and then reads the message by itself: one line of header, lines split wherever Python splits them.
 */
export function sstreamText(message: string): string {
  const lines = pythonLines(message);
  const body: string[] = [];
  let mode: "start" | "header" | "body" | "signature" = "start";
  for (const line of lines) {
    if (line === "-----BEGIN PGP SIGNED MESSAGE-----") mode = "header";
    else if (mode === "header") mode = line === "" ? "header" : "body";
    else if (line === "-----BEGIN PGP SIGNATURE-----") mode = "signature";
    else if (mode === "body") body.push(line.startsWith("- ") ? line.slice(2) : line);
  }
  return body.join("\n");
}

/** `str.splitlines`, which knows more ends of lines than the line feed. */
export function pythonLines(text: string): string[] {
  const ends = ["\n", "\r", "\v", "\f", "\u001c", "\u001d", "\u001e", "\u0085", "\u2028", "\u2029"];
  return ends.reduce((lines, end) => lines.flatMap((line) => line.split(end)), text.split("\r\n"));
}
