/**
 * Numbers and codenames of releases, for the two distributions whose users ask for either. Sources:
 * https://www.debian.org/releases/ and https://wiki.ubuntu.com/Releases (also /usr/share/distro-info/*.csv).
 */
const tables: ReadonlyMap<string, readonly (readonly [version: string, codename: string])[]> = new Map([
  [
    "debian",
    [
      ["8", "jessie"],
      ["9", "stretch"],
      ["10", "buster"],
      ["11", "bullseye"],
      ["12", "bookworm"],
      ["13", "trixie"],
      ["14", "forky"],
      ["15", "duke"],
    ],
  ],
  [
    "ubuntu",
    [
      ["14.04", "trusty"],
      ["16.04", "xenial"],
      ["18.04", "bionic"],
      ["20.04", "focal"],
      ["22.04", "jammy"],
      ["24.04", "noble"],
      ["24.10", "oracular"],
      ["25.04", "plucky"],
      ["25.10", "questing"],
      ["26.04", "resolute"],
    ],
  ],
]);

/** The two names of one release. */
export interface ReleaseNames {
  readonly version: string;
  readonly codename: string;
}

/**
 * Both names of a release of Debian or Ubuntu, by either of them; undefined for what the table does not know.
 *
 * @example
 * console.log(releaseNames("Ubuntu", "noble"), releaseNames("Alpine", "3.22"));
 * // {"version":"24.04","codename":"noble"} undefined
 */
export function releaseNames(os: string, release: string): ReleaseNames | undefined {
  const name = release.toLowerCase();
  const found = tables
    .get(os.toLowerCase())
    ?.find(([version, codename]) => version === name || codename === name);
  return found === undefined ? undefined : { version: found[0], codename: found[1] };
}
