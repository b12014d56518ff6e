import type { Generation } from "../store/generation.ts";
import { clientInstructionsText, FROZEN_REMOTE_NAME } from "./client-instructions.ts";
import type { Exchange } from "./exchange.ts";
import { sendLine } from "./exchange.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * The page at `/`: what this is, and what to type on a client. Plain text, which a terminal and a browser both show.
 * @param frozen the generation whose own page is asked for, at `/@42/`
 */
export function answerPage(exchange: Exchange, context: RouteContext, frozen?: Generation): void {
  const certificate = context.certificate();
  const base = (context.url ?? addressOf(exchange, certificate?.names ?? [])).replace(/\/+$/, "");
  const url = frozen === undefined ? base : `${base}/@${frozen.number}`;
  const generation = frozen ?? context.current.loaded?.generation;
  const state =
    generation === undefined
      ? "Nothing has been published here yet."
      : frozen === undefined
        ? `It serves generation ${generation.number}, published ${generation.createdAt}.`
        : `This is generation ${generation.number} of it, published ${generation.createdAt}: it stays as it is until it is no longer kept.`;
  const text = [
    "This is Headwater, an image server for Incus and LXD.",
    state,
    "",
    clientInstructionsText({
      url,
      certificate: certificate?.isSelfSigned === true ? certificate.pem : undefined,
      ...(frozen === undefined ? {} : { remote: FROZEN_REMOTE_NAME }),
    }).trimEnd(),
    "",
    ...lxcLines(generation, url),
    `More: ${url}/streams/v1/index.json (the index), ${base}/ca.pem (the certificate), ${base}/healthz`,
  ];
  sendLine(exchange, 200, text.join("\n"));
}

/** For LXC without a daemon, where there is something for it. */
function lxcLines(generation: Generation | undefined, url: string): string[] {
  if (generation?.documents["meta/1.0/index-system"] === undefined) return [];
  const server = url.replace("https://", "");
  return [
    "LXC without a daemon, once wget trusts the certificate:",
    `lxc-create --name c1 --template download -- --server ${server}`,
    "",
  ];
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
