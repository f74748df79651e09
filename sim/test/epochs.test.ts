import { loadFastBls, nodeHashEngine, nodeSignatures } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import type { NodeSetup, Role } from '@internode/sim';
import { expect, test } from 'vitest';
import type { Faults } from '../adversaries/index.ts';
import { marksWasm } from '../canisters/marks.ts';
import { standIn } from '../crypto.ts';
import { liveTogether } from '../network.ts';

setHashEngine(nodeHashEngine);
const crypto = standIn({ bls: await loadFastBls(), signatures: nodeSignatures });
const wasm = await marksWasm();

const HAZARDS = { epochLength: 12, lostDisk: 'none', blocksKept: 0 } as const;

/** Counts what beacons tell of. */
function counting(counts: Map<string, number>): (setup: NodeSetup) => NodeSetup {
  const told = (event: { readonly kind: string }): void => {
    counts.set(event.kind, (counts.get(event.kind) ?? 0) + 1);
  };
  const counted = (role: Role): Role => ({
    name: role.name,
    start: (ports, onFailed) => {
      const observe: typeof ports.observe = (service, event) => {
        told(event as { readonly kind: string });
        ports.observe(service, event);
      };
      role.start({ ...ports, observe }, onFailed);
    },
    stop: () => role.stop(),
  });
  return (setup) => ({
    ...setup,
    roles: setup.roles.map((role) => (role.name === 'beacon' ? counted(role) : role)),
  });
}

test('four replicas generate keys epoch by epoch while they are used, crash and are lied to', async () => {
  const counts = new Map<string, number>();
  const options = { seed: 'epochs', nodes: 4, hazards: HAZARDS, restMs: 90_000 };
  const disturb = counting(counts);
  const report = await liveTogether({ ...options, crypto, wasm, command: '', disturb });
  expect(report.violation).toBeUndefined();
  // Three or four are honest, and each of them has its part.
  for (const kind of ['Dealt', 'ShareKept'])
    expect(counts.get(kind), kind).toBeGreaterThanOrEqual(3);
});

test('a dealer whose shares are bad is found out, and complaints of good ones are of no use', async () => {
  const counts = new Map<string, number>();
  const faults = new Map([
    [1, { kind: 'tempted', by: ['badDealer', 'falseComplaints'] }],
  ]) as Faults;
  const options = { seed: 'dealers', nodes: 4, hazards: HAZARDS, restMs: 90_000, faults };
  const disturb = counting(counts);
  const report = await liveTogether({ ...options, crypto, wasm, command: '', disturb });
  expect(report.violation).toBeUndefined();
  expect(counts.get('DealerCheated')).toBeGreaterThanOrEqual(3);
  expect(counts.get('ShareKept')).toBeGreaterThanOrEqual(3);
});
