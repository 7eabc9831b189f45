import { defineConfig } from 'vitest/config';

// Real engines: run by test/live/run.sh alone, never with the other tests.
export default defineConfig({
  test: {
    include: ['test/live/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    passWithNoTests: false,
  },
});
