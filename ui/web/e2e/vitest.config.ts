import { defineConfig } from "vitest/config";

// One file after the other: each starts servers and a browser, and the machine may have two cores.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 180_000,
    retry: 0,
  },
});
