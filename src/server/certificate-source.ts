import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { HeadwaterError } from "../error.ts";
import type { CertificateDescription } from "./certificate.ts";
import { describeCertificate } from "./certificate.ts";
import type { Logger } from "./logger.ts";

/** Where a certificate and its key are; both may be in one file. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate with its key, as TLS takes them. */
export interface LoadedCertificate {
  /** PEM, with the chain behind the certificate when the file has one. */
  readonly cert: string;
  readonly key: string;
  readonly description: CertificateDescription;
}

/** Reads both and makes sure that they fit. Throws FILE_UNREADABLE or CERTIFICATE_INVALID. */
export async function loadCertificate(files: CertificateFiles): Promise<LoadedCertificate> {
  const cert = await readText(files.certificate);
  const key = files.key === files.certificate ? cert : await readText(files.key);
  const description = describeCertificate(cert, files.certificate);
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      throw new Error("the key belongs to another certificate");
    }
    createSecureContext({ cert, key });
  } catch (error) {
    const message = `The key in ${files.key} does not fit the certificate in ${files.certificate}.`;
    throw new HeadwaterError("CERTIFICATE_INVALID", message, {
      hint: "Expected an unencrypted PEM key that belongs to the first certificate in the file.",
      cause: error,
    });
  }
  return { cert, key, description };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new HeadwaterError("FILE_UNREADABLE", `Cannot read ${file}: ${why}.`, { cause: error });
  }
}

export interface WatchCertificateOptions {
  readonly files: CertificateFiles;
  readonly onChange: (loaded: LoadedCertificate) => void;
  readonly log: Logger;
  readonly everyMs?: number;
}

/**
 * Follows renewals, whoever makes them. Looks at the files now and then instead of watching them, since renewals come as
 * renamed files, changed links or written bytes. A replacement that cannot be used is said once and changes nothing.
 */
export function watchCertificate(options: WatchCertificateOptions): { close(): void } {
  const { files, onChange, log, everyMs = 2000 } = options;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let seen = signature(files);
  const look = async (): Promise<void> => {
    const now = await signature(files);
    if (now === (await seen)) return;
    seen = Promise.resolve(now);
    try {
      const loaded = await loadCertificate(files);
      if (closed) return;
      onChange(loaded);
      log.info({ file: files.certificate, notAfter: loaded.description.notAfter }, "certificate reloaded");
    } catch (error) {
      log.error({ err: error }, "the new certificate cannot be used; the old one stays");
    }
  };
  const schedule = (): void => {
    if (closed) return;
    timer = setTimeout(() => {
      void look().finally(schedule);
    }, everyMs).unref();
  };
  schedule();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Differs when one of the files is another one or has other bytes. */
async function signature(files: CertificateFiles): Promise<string> {
  const parts = [files.certificate, files.key].map(async (file) => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(file);
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch {
      // Gone for the moment, as when a renewal removes before it writes; that, too, is a state to compare.
      return "none";
    }
  });
  return (await Promise.all(parts)).join("|");
}
