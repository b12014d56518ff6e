/**
 * Takes the JSON out of a clear-signed document as python-simplestreams does (`read_signed` in `simplestreams/util.py`), which checks the
 * signature with gpgv and then reads the message by itself: one line of header, lines split wherever Python splits them.
 */
export function sstreamText(message: string): string {
  const lines = message.split(/\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]/);
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
