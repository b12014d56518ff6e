import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyOfTarget } from "../../src/server/url-path.ts";

describe("keyOfTarget", () => {
  it("turns a request target into a look-up key", () => {
    expect(keyOfTarget("/streams/v1/index.json")).toBe("streams/v1/index.json");
    expect(keyOfTarget("/")).toBe("");
    expect(keyOfTarget("/images/a%2Bb%20c?x=1#y")).toBe("images/a+b c");
    expect(keyOfTarget("http://other.example/images/x")).toBe("images/x");
    expect(keyOfTarget("https://other.example")).toBe("");
    expect(keyOfTarget("/images/x/")).toBe("images/x/");
    expect(keyOfTarget("/@42/streams/v1/index.json")).toBe("@42/streams/v1/index.json");
  });

  it("collapses slashes, as LXC sends two", () => {
    expect(keyOfTarget("//meta//1.0///index-system")).toBe("meta/1.0/index-system");
  });

  it.each([
    "/../etc/passwd",
    "/images/../../etc/passwd",
    "/images/./x",
    "/%2e%2e/etc/passwd",
    "/images/%2E%2e/x",
    "/images%2f..%2fetc",
    "/images/a%2Fb",
    "/images/a%5cb",
    "/images/..\\x",
    "/a%00b",
    "/a%0d%0ab",
    "/%",
    "/%zz",
    "/%c0%ae%c0%ae/",
    "/%ff",
    "",
    "*",
    "images/x",
    "ftp://x/y",
    `/${"a".repeat(5000)}`,
  ])("has no key for %j", (target) => {
    expect(keyOfTarget(target)).toBeUndefined();
  });

  it("never gives a key with an empty, dot or hostile segment", () => {
    const target = fc.array(
      fc.constantFrom(
        "/",
        "..",
        ".",
        "%2e",
        "%2f",
        "\\",
        "%5C",
        "%00",
        "a",
        "b.c",
        "%",
        "?",
        "#",
        "é",
        ":",
        "@1",
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(target, (parts) => {
        const key = keyOfTarget(`/${parts.join("")}`);
        if (key === undefined || key === "") return;
        for (const segment of key.replace(/\/$/, "").split("/")) {
          expect(["", ".", ".."]).not.toContain(segment);
          expect(segment).not.toMatch(/[\\\p{Cc}]/u);
        }
      }),
    );
  });
});
