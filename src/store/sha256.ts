/** SHA-256, 64 lower-case hex digits: the name of a blob. */
export type Sha256 = string;
