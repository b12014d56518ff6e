import { clientInstructionsText } from "./client-instructions.ts";
import type { Exchange } from "./exchange.ts";
import { sendLine } from "./exchange.ts";
import type { RouteContext } from "./route-context.ts";

/** The page at `/`: what this is, and what to type on a client. Plain text, which a terminal and a browser both show. */
export function answerPage(exchange: Exchange, context: RouteContext): void {
  const certificate = context.certificate();
  const url = context.url ?? addressOf(exchange, certificate?.names ?? []);
  const loaded = context.current.loaded;
  const state =
    loaded === undefined
      ? "Nothing has been published here yet."
      : `It serves generation ${loaded.generation.number}, published ${loaded.generation.createdAt}.`;
  const text = [
    "This is Headwater, an image server for Incus and LXD.",
    state,
    "",
    clientInstructionsText({
      url,
      certificate: certificate?.isSelfSigned === true ? certificate.pem : undefined,
    }).trimEnd(),
    "",
    `More: ${url}/streams/v1/index.json (the index), ${url}/ca.pem (the certificate), ${url}/healthz`,
  ];
  sendLine(exchange, 200, text.join("\n"));
}

/** The name that was asked for when it is one of ours, since that one works from where the reader is; else the first of ours. */
function addressOf({ request }: Exchange, names: readonly string[]): string {
  const host = request.headers.host ?? "";
  const name = host
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .toLowerCase();
  const port = /:(\d{1,5})$/.exec(host)?.[0] ?? "";
  if (names.includes(name)) return `https://${host.toLowerCase()}`;
  return `https://${names[0] ?? "localhost"}${port}`;
}
