import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DaemonFacts } from "../../../src/intake/daemon/daemon.ts";
import { type DaemonImage, daemonImageSchema } from "../../../src/intake/daemon/daemon-image.ts";
import { dateOfSerial, nameImage } from "../../../src/intake/daemon/name-image.ts";
import type { BuildWishes } from "../../../src/intake/files/name-build.ts";
import { Listing } from "../../../src/intake/listing.ts";
import { isValidAlias } from "../../../src/simplestreams/aliases.ts";
import { isVisibleVersion, versionName } from "../../../src/simplestreams/version-name.ts";
import { emptyOwnStream } from "../../../src/views/image-stream.ts";
import { fakeImage, PROPERTIES } from "./fake-daemon.ts";

const facts: DaemonFacts = {
  family: "incus",
  server: "build1",
  source: "/run/x",
  isTrusted: true,
  extensions: new Set(),
};
const now = new Date("2026-11-24T10:00:00Z");

function imageOf(...options: Parameters<typeof fakeImage>): DaemonImage {
  const { fingerprint, fields } = fakeImage(...options);
  return daemonImageSchema.parse({ fingerprint, ...fields });
}

function named(image: DaemonImage, wishes: BuildWishes = {}) {
  return nameImage(image, { wishes, facts, now, listing: new Listing(emptyOwnStream().products) });
}

const namesOf = (image: DaemonImage, wishes?: BuildWishes) => {
  const { names, builtAt } = named(image, wishes).build;
  return [names.os, names.release, names.variant, names.arch, versionName(builtAt)];
};

describe("what an image of a daemon is called", () => {
  it.each([
    [
      "published from a container: its alias",
      imageOf("web-base"),
      ["Debian", "bookworm", "web-base", "amd64", "20261120_1011"],
    ],
    [
      "named as the upstream names it: that",
      imageOf("x", { aliases: ["debian/12"] }),
      ["Debian", "bookworm", "default", "amd64", "20261120_1011"],
    ],
    [
      "without any property: its alias",
      imageOf("web", { properties: {} }),
      ["Custom", "web", "default", "amd64", "20261120_1011"],
    ],
    [
      "from an upstream: its serial, whatever its alias",
      imageOf("x", { fields: { update_source: { server: "https://images.example", alias: "debian/12" } } }),
      ["Debian", "bookworm", "default", "amd64", "20260101_0524"],
    ],
    [
      "from an upstream with a serial that is no date: when it was made",
      imageOf("x", {
        properties: { ...PROPERTIES, serial: "release-42" },
        fields: { update_source: { server: "https://images.example", alias: "x" } },
      }),
      ["Debian", "bookworm", "default", "amd64", "20261120_1011"],
    ],
    [
      "of no known date: now",
      imageOf("web", { fields: { created_at: "1970-01-01T00:00:00Z", uploaded_at: "0001-01-01T00:00:00Z" } }),
      ["Debian", "bookworm", "web", "amd64", "20261124_1000"],
    ],
    [
      "of an alias with a slash",
      imageOf("x", { aliases: ["team/web"] }),
      ["Debian", "bookworm", "team-web", "amd64", "20261120_1011"],
    ],
  ])("%s", (_what, image, expected) => {
    expect(namesOf(image)).toEqual(expected);
  });

  it("is what a person says first of all", () => {
    const wishes = { os: "Ours", release: "1", variant: "web", releaseTitle: "One", aliases: ["ours/web"] };
    const { build } = named(imageOf("x"), wishes);
    expect(build).toMatchObject({ names: { os: "Ours", release: "1", variant: "web" }, releaseTitle: "One" });
    expect(build.aliases).toEqual(["x", "ours/web"]);
  });

  it("is its fingerprint where there is neither a name nor an alias, and takes no alias from anybody", () => {
    const image = imageOf("x", { aliases: [] });
    const { build, notes } = named(image);
    expect(build.names.variant).toBe(image.fingerprint.slice(0, 12));
    expect([build.standardAliases, build.aliases]).toEqual([false, []]);
    expect(notes).toEqual([expect.stringContaining("no alias")]);
  });

  it("keeps what the daemon says about it, for the image API", () => {
    expect(named(imageOf("web-base")).build.versionFields).toEqual({
      created_at: "2026-11-20T10:11:12.123456789Z",
      expires_at: "0001-01-01T00:00:00Z",
      properties: PROPERTIES,
    });
  });

  it("never fails or gives what clients cannot use, whatever properties and aliases say", () => {
    const words = fc.oneof(
      fc.string(),
      fc.constantFrom("Debian", "12", "a,b", "x y", "..", "\u001b[31m", "é", "/", "-rf"),
    );
    const properties = fc.dictionary(
      fc.constantFrom("os", "release", "variant", "serial", "description", "label"),
      words,
    );
    fc.assert(
      fc.property(
        properties,
        fc.array(words, { maxLength: 3 }),
        fc.string(),
        (given, aliases, created_at) => {
          const image = imageOf("x", { aliases, properties: given, fields: { created_at } });
          try {
            const { build } = named(image);
            expect(build.aliases.every((alias) => isValidAlias(alias))).toBe(true);
            expect(isVisibleVersion(versionName(build.builtAt))).toBe(true);
            expect(
              [build.names.os, build.names.release, build.names.variant].every((name) => name !== ""),
            ).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ name: "HeadwaterError" });
          }
        },
      ),
    );
  });
});

describe("a serial", () => {
  it.each([
    ["20261124", "2026-11-24T00:00:00.000Z"],
    ["20261124_05:24", "2026-11-24T05:24:00.000Z"],
    ["20261124_0524", "2026-11-24T05:24:00.000Z"],
    ["202611240524", "2026-11-24T05:24:00.000Z"],
    ["2026-11-24T05:24:30Z", "2026-11-24T05:24:00.000Z"],
  ])("%s is a date", (serial, expected) => {
    expect(dateOfSerial(serial)?.toISOString()).toBe(expected);
  });

  it.each(["", "42", "20261341", "20260230", "release-20261124", "2026112405", "20261124_2561"])(
    "%s is none",
    (serial) => {
      expect(dateOfSerial(serial)?.toISOString()).toBeUndefined();
    },
  );
});
