import { defineConfig } from 'vitest/config';

// One config, several kinds of tests: each kind is a project, so that `--project unit` runs one.
const pool = { pool: 'forks' as const, maxWorkers: 2 };

// One replica at a time has the machine: what they measure themselves by are the spec's own deadlines.
const endToEnd = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
  maxWorkers: 1,
  fileParallelism: false,
};

/**
 * End-to-end files that also run with services apart in the gate; any other does with INTERNODE_PLACEMENT=processes in the
 * environment.
 */
const ALSO_APART = ['clients', 'crash', 'lifecycle', 'traces'].map(
  (name) => `e2e/test/${name}.test.ts`,
);
const apart = (['threads', 'processes'] as const).map((placement) => ({
  test: {
    name: `e2e-${placement}`,
    include: ALSO_APART,
    env: { INTERNODE_PLACEMENT: placement, CRASH_KILLS: '5' },
    ...endToEnd,
  },
}));

/** The same in containers, and what only containers can do: `npm run containers`. */
const contained = {
  test: {
    name: 'e2e-containers',
    include: [...ALSO_APART, 'e2e/containers/**/*.test.ts'],
    env: { INTERNODE_PLACEMENT: 'containers', CRASH_KILLS: '3' },
    ...endToEnd,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'packages/*/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
            'scripts/test/**/*.test.ts',
            'replica/test/**/*.test.ts',
            'sim/test/**/*.test.ts',
            'loadtest/test/**/*.test.ts',
            'bench/test/**/*.test.ts',
          ],
          exclude: ['**/*.compliance.test.ts', '**/*.slow.test.ts'],
          testTimeout: 60_000,
          ...pool,
        },
      },
      {
        test: {
          name: 'compliance',
          include: ['packages/*/test/**/*.compliance.test.ts', '**/test/**/*.slow.test.ts'],
          exclude: ['**/node_modules/**', 'sim/test/planted.slow.test.ts'],
          testTimeout: 180_000,
          ...pool,
        },
      },
      {
        test: {
          // Outside the gate: minutes of a whole machine each. What they found is recorded in docs/qa.
          name: 'slow',
          include: ['e2e/slow/**/*.test.ts', 'sim/test/planted.slow.test.ts'],
          hookTimeout: 300_000,
          pool: 'forks' as const,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/test/**/*.test.ts'],
          ...endToEnd,
        },
      },
      ...apart,
      contained,
    ],
  },
});
