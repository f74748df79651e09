import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { LiveNet, until } from './live.ts';
import { artifact } from './net.ts';

describe('four nodes on the loopback', () => {
  test('what one offers reaches the others, small and large', async () => {
    await using net = await LiveNet.open(4);
    const heard = [1, 2, 3].map((index) => net.node(index).collect('ArtifactReceived'));
    const made = [
      artifact('vote'),
      artifact('call', { artifactKind: 'ingress', bytes: 2_000_000 }),
      artifact('block', { artifactKind: 'block_proposal', bytes: 200_000 }),
      artifact('large block', { artifactKind: 'block_proposal', bytes: 4_000_000 }),
    ];
    for (const each of made) net.node(0).say({ kind: 'PublishArtifact', ...each });
    await until(() => heard.every((list) => idsOf(list).size >= made.length), 30_000);
    for (const list of heard) {
      expect(idsOf(list)).toEqual(idsOf(made));
      expect(
        list.every(({ fromNode }) => toHex(fromNode) === toHex(net.node(0).identity.nodeId)),
      ).toBe(true);
    }
  });
});

function idsOf(artifacts: readonly { readonly id: Uint8Array }[]): Set<string> {
  return new Set(artifacts.map(({ id }) => toHex(id)));
}
