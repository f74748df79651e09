import { expect, test } from 'vitest';
import { timeByWork } from '../cpu-profile.ts';

test('time belongs to the innermost frame that says what it is for; idle and other times are left out', () => {
  const frame = (functionName: string, url = '') => ({ functionName, url });
  const nodes = [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 6] },
    { id: 2, callFrame: frame('(idle)') },
    {
      id: 3,
      callFrame: frame('solve', 'file:///x/services/beacon/src/solver.ts'),
      children: [4, 7],
    },
    {
      id: 4,
      callFrame: frame('verify', 'file:///x/packages/crypto/src/fast/bls-mcl.ts'),
      children: [5],
    },
    { id: 5, callFrame: frame('wasm-function[7]', 'wasm://wasm/1') },
    { id: 6, callFrame: frame('processTimers', 'node:internal/timers') },
    { id: 7, callFrame: frame('encode', 'file:///x/packages/contracts/src/codec.ts') },
  ];
  const profile = {
    nodes,
    startTime: 1_000,
    samples: [5, 5, 2, 3, 6, 7, 5],
    timeDeltas: [100, 100, 100, 100, 100, 100, 100],
  };
  expect(Object.fromEntries(timeByWork(profile, { fromUs: 1_150, toUs: 1_650 }))).toEqual({
    'BLS: checks': 100,
    beacon: 100,
    'node itself': 100,
    'bus, contracts, encoding, other packages': 100,
  });
});
