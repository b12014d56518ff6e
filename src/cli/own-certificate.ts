import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { setInConfig } from "../config/edit.ts";
import { HeadwaterError } from "../error.ts";
import { type CertificateDescription, renewCertificate } from "../server/certificate.ts";
import { loadCertificate } from "../server/certificate-source.ts";
import { clientInstructionsText } from "../server/client-instructions.ts";
import { type GlobalOptions, notice } from "./context.ts";
import { dataFolder } from "./data-folder.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";
import { giveToOwnerOf } from "./owner.ts";
import { certificateFiles, clientUrl, tlsFolder } from "./server-identity.ts";
import { readSettings } from "./settings.ts";
import { visible } from "./visible.ts";

/** Shows the certificate in use and the commands by which clients come to trust it. */
export async function showCertificate(io: Io, options: GlobalOptions): Promise<void> {
  const { config } = await readSettings(io, options);
  const files = certificateFiles(config, dataFolder(io, options));
  if (config.certificate === undefined && !existsSync(files.certificate)) {
    throw new HeadwaterError("NOT_FOUND", `there is no certificate yet in ${dataFolder(io, options)}`, {
      hint: "headwater serve makes one when it starts.",
    });
  }
  const { description } = await loadCertificate(files);
  const url = clientUrl(config, description.names, config.listen);
  if (options.json === true) {
    io.stdout.write(jsonText({ file: files.certificate, url, ...facts(description), pem: description.pem }));
    return;
  }
  io.stdout.write(summary(files.certificate, description));
  if (url === undefined) return;
  const certificate = description.isSelfSigned ? description.pem : undefined;
  io.stdout.write(`\n${clientInstructionsText({ url, certificate })}`);
}

/** Issues the store's own certificate again. New names also go into the configuration, for a certificate made later. */
export async function renewOwnCertificate(
  io: Io,
  options: GlobalOptions,
  names: readonly string[],
): Promise<void> {
  const { config, file } = await readSettings(io, options);
  if (config.certificate !== undefined) {
    throw new HeadwaterError(
      "USAGE",
      `the certificate comes from ${config.certificate.file}, which is not Headwater's to renew`,
      {
        hint: "Renew it where it was made; a running server notices the new files.",
      },
    );
  }
  const data = dataFolder(io, options);
  const { certificate } = certificateFiles(config, data);
  notice(io, options, `store: ${data}`);
  const description = await renewCertificate(tlsFolder(data), { addNames: names });
  await giveToOwnerOf(data, io, [certificate]);
  const all = [...new Set([...config.names, ...names])];
  if (all.length > config.names.length) {
    await setInConfig(file, ["names"], all);
    await giveToOwnerOf(dirname(file), io, [file]);
  }
  if (options.json === true) {
    io.stdout.write(jsonText({ file: certificate, ...facts(description), pem: description.pem }));
  } else if (options.quiet !== true) {
    io.stdout.write(
      `${summary(certificate, description)}A running server uses it within seconds. Clients need nothing new.\n`,
    );
  }
}

function facts({ fingerprint, names, notBefore, notAfter, isSelfSigned }: CertificateDescription) {
  return {
    fingerprint,
    names,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    isSelfSigned,
  };
}

function summary(file: string, { fingerprint, names, notAfter }: CertificateDescription): string {
  const lines = [
    `File:         ${file}`,
    `Names:        ${names.join(", ")}`,
    `Fingerprint:  ${fingerprint}`,
    `Valid until:  ${notAfter.toISOString().slice(0, 10)}`,
  ];
  return lines.map((line) => `${visible(line)}\n`).join("");
}
