import { nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { History } from './history.ts';
import { epochBegan, packageOf, replica, Subnet } from './subnet.ts';

setHashEngine(nodeHashEngine);

describe('state sync', () => {
  test('an empty replica fetches the whole state and goes on from it', () => {
    const batches = new History(1).batches(60);
    const subnet = new Subnet();
    const donor = subnet.add(1, replica());
    donor.tell(epochBegan(0, 50));
    for (const each of batches.slice(0, 53)) donor.tell(each);
    const made = donor.last('CheckpointMade');
    expect(made?.height).toBe(50);
    if (made === undefined) return;

    const joiner = subnet.add(2, replica());
    joiner.tell(epochBegan(50, 60));
    joiner.tell({ kind: 'SyncState', package: packageOf(made), peers: subnet.peers(1) });
    subnet.carry();
    expect(joiner.event('SyncDone')).toHaveLength(1);
    expect(joiner.certifiedHeight).toBe(50);
    expect(toHex(joiner.last('CheckpointMade')?.manifestRoot ?? new Uint8Array())).toBe(
      toHex(made.manifestRoot),
    );
    donor.tell(epochBegan(50, 60));
    for (const each of batches.slice(53)) donor.tell(each);
    for (const each of batches.slice(50)) joiner.tell(each);
    expect(joiner.root).toBe(donor.root);
    expect(joiner.last('CheckpointMade')?.height).toBe(60);
    expect(toHex(joiner.last('CheckpointMade')?.manifestRoot ?? new Uint8Array())).toBe(
      toHex(donor.last('CheckpointMade')?.manifestRoot ?? new Uint8Array()),
    );
  });
});
