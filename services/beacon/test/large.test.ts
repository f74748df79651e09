import type { Message } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { BEACON_LIMITS } from '../src/index.ts';
import { Network } from './network.ts';

const NODES = 43;

function finalized(height: number): Message {
  const blockHash = new Uint8Array(32);
  return { kind: 'BlockFinalized', height, blockHash, timeNanos: 0n, ingressIds: [] };
}

function sent(network: Network, artifactKind: string, index: number): number {
  return (network.said[index] ?? []).flatMap((message) =>
    message.kind === 'SendArtifact' && message.artifactKind === artifactKind ? message.toNodes : [],
  ).length;
}

function withBeacon(network: Network, height: number): number {
  return network.cores.filter((_, index) =>
    network.beacons(index).some((value) => value.height === height),
  ).length;
}

describe('a large subnet', () => {
  test('sends shares to eight members, who make the values that everybody has', () => {
    const network = new Network(NODES);
    network.start();
    network.tellAll(finalized(1));
    expect(withBeacon(network, 2)).toBe(NODES);
    const values = new Set(network.beacons(0).map(({ value }) => toHex(value)));
    for (const index of network.cores.keys()) {
      // Beacons 1 and 2, each to eight, or to seven others.
      const shares = sent(network, 'beacon_share', index);
      expect(shares).toBeGreaterThanOrEqual(2 * (BEACON_LIMITS.relays - 1));
      expect(shares).toBeLessThanOrEqual(2 * BEACON_LIMITS.relays);
      for (const { value } of network.beacons(index)) expect(values).toContain(toHex(value));
      expect(
        network.said[index]?.some(
          (one) => one.kind === 'PublishArtifact' && one.artifactKind.endsWith('_share'),
        ),
      ).toBe(false);
    }
    network.tellAll({ kind: 'StateHashed', height: 1, root: sha256(utf8('root')), timeNanos: 0n });
    for (const index of network.cores.keys()) expect(network.certifications(index)).toHaveLength(1);
    const makers = network.events.filter((events) =>
      events.some((event) => event.kind === 'ValueMade' && event.value === 'certification'),
    );
    expect(makers.length).toBeLessThanOrEqual(BEACON_LIMITS.relays);
  }, 60_000);

  test('goes to the next eight when the first are lost, and to everybody at last', () => {
    const network = new Network(NODES);
    let relaysReached = false;
    network.tamper = (message) => {
      if (message.kind !== 'ArtifactReceived') return message;
      if (message.artifactKind !== 'beacon_share') return message;
      return relaysReached ? message : undefined;
    };
    network.start();
    expect(withBeacon(network, 1)).toBe(0);
    relaysReached = true;
    network.fireTimers();
    expect(withBeacon(network, 1)).toBe(NODES);
    relaysReached = false;
    network.tellAll({ kind: 'BlockNotarized', height: 1, blockHash: new Uint8Array(32) });
    for (let step = 1; step < BEACON_LIMITS.relaySteps; step += 1) network.fireTimers();
    expect(withBeacon(network, 2)).toBe(0);
    relaysReached = true;
    network.fireTimers();
    expect(withBeacon(network, 2)).toBe(NODES);
  }, 60_000);

  test('whoever missed a value gets it for its share', () => {
    const network = new Network(NODES);
    network.tamper = (message, _from, to) =>
      to === 5 && message.kind === 'ArtifactReceived' && message.artifactKind === 'beacon'
        ? undefined
        : message;
    network.start();
    network.tellAll({ kind: 'BlockNotarized', height: 1, blockHash: new Uint8Array(32) });
    const had = withBeacon(network, 1);
    expect(had).toBeGreaterThanOrEqual(NODES - 1);
    network.tamper = (message) => message;
    for (let step = 0; step <= BEACON_LIMITS.relaySteps; step += 1) network.fireTimers();
    expect(withBeacon(network, 1)).toBe(NODES);
    expect(withBeacon(network, 2)).toBe(NODES);
  }, 60_000);
});
