/** An upstream that people know by a name. */
export interface Preset {
  readonly url: string;
  /** Left out: listed for both families of clients. */
  readonly twins?: false;
  /** What an operator should know, as a sentence. */
  readonly remark?: string;
}

/** By the name that `upstream add` takes; it is the image stream's name as well. */
export const PRESETS: ReadonlyMap<string, Preset> = new Map<string, Preset>([
  [
    "linuxcontainers",
    {
      url: "https://images.linuxcontainers.org",
      twins: false,
      remark:
        "Its owners serve LXD users another list than Incus users, on purpose, so Headwater lists its images for LXD only when you ask for it with --twins.",
    },
  ],
  ["lxd", { url: "https://images.lxd.canonical.com" }],
  ["ubuntu", { url: "https://cloud-images.ubuntu.com/releases" }],
  ["ubuntu-daily", { url: "https://cloud-images.ubuntu.com/daily" }],
  ["ubuntu-minimal", { url: "https://cloud-images.ubuntu.com/minimal/releases" }],
]);
