import { defineConfig } from "vitest/config";

/** What takes minutes: hundreds of kills, very large images, thousands of documents. Run by `.ci/long`. */
export default defineConfig({
  test: {
    include: ["test/crash/**/*.test.ts", "test/**/*.long.test.ts"],
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
});
