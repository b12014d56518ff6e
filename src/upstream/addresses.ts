import { BlockList, isIP, isIPv6 } from "node:net";

/** What no stranger's redirect may lead to: this machine and the networks behind it (IANA special-purpose registries). */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const) {
  PRIVATE.addSubnet(network, bits, "ipv4");
  // The same network written as an IPv6 address, and behind NAT64.
  PRIVATE.addSubnet(`::ffff:${network}`, 96 + bits, "ipv6");
  PRIVATE.addSubnet(`64:ff9b::${network}`, 96 + bits, "ipv6");
}
for (const [network, bits] of [
  ["::", 96],
  ["64:ff9b:1::", 48],
  // Tunnels (Teredo, 6to4), which carry an IPv4 address of any kind.
  ["2001::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  PRIVATE.addSubnet(network, bits, "ipv6");
}

/** Whether an IP address belongs to this machine or a local network, or is no address of one machine at all. */
export function isPrivateAddress(address: string): boolean {
  // A zone, as in fe80::1%eth0, is no part of the address.
  const bare = address.replace(/%.*$/, "");
  if (isIP(bare) === 0) return false;
  return PRIVATE.check(bare, isIPv6(bare) ? "ipv6" : "ipv4");
}

/** The host of a URL as `isIP` and look-ups want it: IPv6 without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

/** Whether a URL names this machine, which is the one place where no TLS is needed. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
