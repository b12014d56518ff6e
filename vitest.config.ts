import { defineConfig } from "vitest/config";

/** What `npm test` runs: everything that needs neither root nor the real clients. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/clients/**", "test/crash/**", "test/**/*.long.test.ts"],
    testTimeout: 30_000,
  },
});
