import { expect, test } from 'vitest';
import { randomFrom } from '../../e2e/runner/random.ts';
import { drawFaults } from '../faults-apart.ts';

test('as many faults of each kind as asked for, mixed, the same from the same seed', () => {
  const counts = { kill: 20, broker: 5, slow: 5 };
  const draw = (seed: number) => drawFaults(counts, ['state', 'gateway'], randomFrom(seed));
  const faults = draw(7);
  for (const kind of ['kill', 'broker', 'slow'] as const)
    expect(faults.filter((one) => one.kind === kind)).toHaveLength(counts[kind]);
  expect(faults.slice(0, 20).some(({ kind }) => kind !== 'kill')).toBe(true);
  expect(faults.every(({ kind, unit }) => (unit === '') === (kind === 'broker'))).toBe(true);
  expect(faults.every(({ kind, stopMs }) => stopMs > 0 === (kind === 'slow'))).toBe(true);
  expect(draw(7)).toEqual(faults);
  expect(draw(8)).not.toEqual(faults);
});
