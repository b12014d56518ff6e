import { isIPv6 } from "node:net";
import type { CertificateDescription } from "../server/certificate.ts";
import { clientInstructionsText } from "../server/client-instructions.ts";
import type { BoundAddress, RunningServer } from "../server/serve.ts";
import type { GlobalOptions } from "./context.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import type { ServeRequest } from "./serve-request.ts";
import { clientUrl } from "./server-identity.ts";
import { visible } from "./visible.ts";

export interface Serving extends ServeRequest {
  readonly server: RunningServer;
  readonly certificate: CertificateDescription | undefined;
}

/** What serves what where, and what to type on a client. */
export async function printServing(io: Io, options: GlobalOptions, serving: Serving): Promise<void> {
  const { store, config, server, certificate, alias, afterword } = serving;
  const { addresses } = server;
  const url = clientUrl(config, certificate?.names ?? [], addresses);
  const trust = certificate?.isSelfSigned === true ? certificate.pem : undefined;
  const generation = (await store.newest())?.number;
  if (options.json === true) {
    const shown =
      certificate === undefined
        ? null
        : { fingerprint: certificate.fingerprint, names: certificate.names, pem: trust };
    io.stdout.write(
      jsonText({
        store: store.name,
        generation: generation ?? null,
        url: url ?? null,
        addresses,
        certificate: shown,
      }),
    );
    return;
  }
  if (options.quiet === true) return;
  io.stdout.write(headline(store.name, addresses, generation));
  if (url === undefined) {
    io.stdout.write("\nGive the address that clients use with --url, to have their commands printed here.\n");
    return;
  }
  const instructions = { url, certificate: trust, ...(alias === undefined ? {} : { alias }) };
  io.stdout.write(`\n${clientInstructionsText(instructions)}`);
  if (config.url === undefined && alias === undefined) {
    io.stdout.write(
      `\nWhere clients cannot resolve that name: --url https://ADDRESS:PORT. They trust this server under any.\n`,
    );
  }
  if (generation !== undefined && alias === undefined) {
    const place = `${url.replace(/\/+$/, "")}/@${generation}`;
    io.stdout.write(
      `\nFor a CI, the images of this moment and no others: ${place}, while generation ${generation} is kept. That page says what to type.\n`,
    );
  }
  if (afterword !== undefined) io.stdout.write(`\n${afterword}\n`);
}

function headline(store: string, addresses: readonly BoundAddress[], generation: number | undefined): string {
  const state =
    generation === undefined
      ? "Nothing has been added yet, so clients are told to come back later. See: headwater add --help"
      : `Generation ${generation} is served.`;
  const places = addresses.map(({ address, port, kind }) => {
    const host = isIPv6(address) ? `[${address}]` : address;
    return `  ${kind === "tls" ? "https" : "http "}  ${host}:${port}`;
  });
  return `${["Headwater serves", `  store  ${visible(store)}`, ...places, state].join("\n")}\n`;
}
