/** The option of every command that publishes: what would fail for the sake of a key goes out without signatures. */
export const NO_SIGN = ["--no-sign", "publish without signatures, also where the store has a key"] as const;
