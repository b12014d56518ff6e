import { isIPv6 } from "node:net";
import type { Config } from "../config/schema.ts";
import { ensureCertificate } from "../server/certificate.ts";
import { loadCertificate } from "../server/certificate-source.ts";
import { clientInstructionsText } from "../server/client-instructions.ts";
import { type BoundAddress, startServer } from "../server/serve.ts";
import type { Store } from "../store/store.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { createLogger } from "./log.ts";
import { jsonText } from "./output.ts";
import { certificateFiles, clientUrl, tlsFolder, wantedNames } from "./server-identity.ts";

export interface ServeRequest {
  readonly store: Store;
  readonly config: Config;
  /** Names for the certificate before all others, such as `localhost` for a demonstration. */
  readonly firstNames?: readonly string[];
  /** An alias to launch in the printed commands. */
  readonly alias?: string;
  /** One more paragraph under them. */
  readonly afterword?: string;
}

/** Serves a store until Ctrl-C or SIGTERM, and then until running downloads are done. */
export async function serveStore(
  context: Context,
  options: GlobalOptions,
  request: ServeRequest,
): Promise<void> {
  const { io } = context;
  const { store, config } = request;
  context.ownSignal();
  const files = certificateFiles(config, store.name);
  if (config.certificate === undefined) {
    await ensureCertificate(tlsFolder(store.name), [...(request.firstNames ?? []), ...wantedNames(config)]);
  }
  const { description } = await loadCertificate(files);
  const log = await createLogger(io, options);
  const server = await startServer({
    store,
    listen: config.listen,
    certificate: files,
    url: config.url,
    plain: config.plain,
    log,
  });
  try {
    const url = clientUrl(config, description.names, server.addresses);
    const trust = description.isSelfSigned ? description.pem : undefined;
    const generation = server.counters.generation;
    const { addresses } = server;
    if (options.json === true) {
      const { fingerprint, names } = description;
      io.stdout.write(
        jsonText({
          store: store.name,
          generation,
          url,
          addresses,
          certificate: { fingerprint, names, pem: trust },
        }),
      );
    } else if (options.quiet !== true) {
      io.stdout.write(greeting({ store, addresses, generation }));
      if (url !== undefined)
        io.stdout.write(`\n${clientInstructionsText({ url, certificate: trust, ...aliasOf(request) })}`);
      if (request.afterword !== undefined) io.stdout.write(`\n${request.afterword}\n`);
    }
    await aborted(io.signal);
    notice(io, options, "Stopping. Running downloads get up to 60 seconds; Ctrl-C again cuts them.");
  } finally {
    await server.close();
  }
}

function aliasOf({ alias }: ServeRequest): { readonly alias?: string } {
  return alias === undefined ? {} : { alias };
}

function greeting(facts: {
  readonly store: Store;
  readonly addresses: readonly BoundAddress[];
  readonly generation: number;
}): string {
  const { store, addresses, generation } = facts;
  const state =
    generation === 0
      ? "Nothing has been added yet, so clients are told to come back later: headwater add --help"
      : `Generation ${generation} is served.`;
  const places = addresses.map(({ address, port, kind }) => {
    const host = isIPv6(address) ? `[${address}]` : address;
    return `  ${kind === "tls" ? "https" : "http "}  ${host}:${port}`;
  });
  return `${["Headwater serves", `  store  ${store.name}`, ...places, state].join("\n")}\n`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
