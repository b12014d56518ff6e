/** How long unfinished work of dead writers stays. A week: whoever starts a large sync again does so within days. */
export const LEFTOVER_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;
