import { describe, expect, it } from "vitest";
import type { HeadwaterError } from "../../src/error.ts";
import { formatListenAddress, isLoopback, parseListenAddress } from "../../src/config/listen-address.ts";

describe("parseListenAddress", () => {
  it.each([
    [":8443", { host: undefined, port: 8443, kind: "tls" }],
    ["0.0.0.0:8443", { host: "0.0.0.0", port: 8443, kind: "tls" }],
    ["[::1]:8443", { host: "::1", port: 8443, kind: "tls" }],
    ["images.example:443", { host: "images.example", port: 443, kind: "tls" }],
    ["http://127.0.0.1:8080", { host: "127.0.0.1", port: 8080, kind: "proxied" }],
    ["http://[::1]:8080/", { host: "::1", port: 8080, kind: "proxied" }],
  ])("reads %s, and writes it back", (text, expected) => {
    const address = parseListenAddress(text);
    expect(address).toEqual(expected);
    expect(formatListenAddress(address)).toBe(text.replace(/\/$/, ""));
  });

  it.each([
    "",
    "8443",
    "host",
    "::1:8443",
    "[::1]",
    "[x]:1",
    "host:99999",
    "host:-1",
    "https://host:1",
    "a b:1",
    "h:1/x",
  ])("refuses %j with the forms it knows", (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("HOST:PORT"),
      }) as HeadwaterError,
    );
  });

  it("knows which addresses stay on this machine", () => {
    for (const host of ["127.0.0.1", "127.8.8.8", "::1", "0:0:0:0:0:0:0:1", "localhost"])
      expect(isLoopback(host)).toBe(true);
    for (const host of [undefined, "0.0.0.0", "::", "10.0.0.1", "128.0.0.1"])
      expect(isLoopback(host)).toBe(false);
  });
});
