import { defineConfig } from "vitest/config";

/** The real Incus and the real LXD. One file at a time: the daemons are shared. */
export default defineConfig({
  test: {
    include: ["test/clients/**/*.test.ts"],
    globalSetup: ["test/clients/setup.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 300_000,
  },
});
