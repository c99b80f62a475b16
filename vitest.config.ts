import { defineConfig } from 'vitest/config';

const servers = { globalSetup: ['test/support/global-setup.ts'] };

export default defineConfig({
  test: {
    projects: [
      // Property tests take seconds where other work keeps the cores busy.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'integration',
          include: [
            'test/integration/**/*.test.ts',
            'test/cli/**/*.test.ts',
            'test/faults/**/*.test.ts',
            'test/server/**/*.test.ts',
            'test/browser/**/*.test.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...servers,
        },
      },
    ],
    // Two cores: more workers only make servers and tests wait for each other.
    maxWorkers: 2,
  },
});
