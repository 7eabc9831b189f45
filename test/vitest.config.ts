import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real Docker Engines: test/live/run.sh.
    exclude: ['**/node_modules/**', 'test/live/**'],
    // Kernel tests start real nft and iptables in namespaces of their own.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: true,
    maxWorkers: 2,
    coverage: { include: ['src/**'], reporter: ['text-summary'] },
    allowOnly: false,
    passWithNoTests: false,
  },
});
