import type { Product, Version } from "./products.ts";

/** Where a home-made version was taken from, as a version of the site's own image stream keeps it under `origin`. */
export interface ImageOrigin {
  /** `incus` or `lxd`, or what else the server calls itself. */
  readonly daemon: string;
  /** What the daemon calls its machine. */
  readonly server: string;
  /** Of the image there: another one here when a virtual machine was taken apart. */
  readonly fingerprint: string;
  /** RFC 3339, UTC. */
  readonly pulled_at: string;
  /** Left out for what was made on that machine. */
  readonly upstream?: { readonly server: string; readonly alias: string };
}

/** What a version says about where it was taken from; undefined for what was added from files. */
export function originOf(version: Version): ImageOrigin | undefined {
  const origin = version["origin"];
  if (typeof origin !== "object" || origin === null || Array.isArray(origin)) return undefined;
  const { daemon, server, fingerprint } = origin as Partial<ImageOrigin>;
  const isOne = [daemon, server, fingerprint].every((field) => typeof field === "string");
  // Written by this program, and by nobody else.
  return isOne ? (origin as unknown as ImageOrigin) : undefined;
}

/** What tells one daemon from another: a machine may run both. */
export type DaemonName = Pick<ImageOrigin, "daemon" | "server">;

/** Whether a version was taken from this daemon. */
export function isFrom(version: Version | undefined, { daemon, server }: DaemonName): boolean {
  const origin = version === undefined ? undefined : originOf(version);
  return origin?.daemon === daemon && origin.server === server;
}

/**
 * Whether everything in a product was somebody else's before a daemon had it. Such a product never stands in the way of an image stream
 * that has it from there.
 */
export function isBorrowed({ versions }: Product): boolean {
  return (
    versions.size > 0 && [...versions.values()].every((version) => originOf(version)?.upstream !== undefined)
  );
}
