/**
 * Whether a client takes gzip. Go's HTTP client, which Incus and LXD use, always asks for it and decodes it itself; one
 * that says nothing gets the plain bytes.
 */
export function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header === "gzip") return true;
  let any = false;
  for (const part of header.split(",")) {
    const [name = "", ...parameters] = part.split(";").map((word) => word.trim().toLowerCase());
    if (name !== "gzip" && name !== "x-gzip" && name !== "*") continue;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const accepted = weight === undefined || Number(weight.slice(2)) > 0;
    if (name !== "*") return accepted;
    any = accepted;
  }
  return any;
}
