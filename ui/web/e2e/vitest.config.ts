import { defineConfig } from "vitest/config";

// One file after the other: each starts servers and a browser, and the machine may have two cores.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["**/*.test.ts"],
    environment: "node",
    fileParallelism: false,
    // Nothing here is about speed but the budgets: a slow or busy machine is given time.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    retry: 0,
  },
});
