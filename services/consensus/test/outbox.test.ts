import { expect, test } from 'vitest';
import { Outbox } from '../src/core/outbox.ts';

function blamed(peer: string): readonly string[] {
  const outbox = new Outbox();
  outbox.observe({ kind: 'ArtifactRejected', artifact: 'dealing', peer, reason: 'bad' });
  return outbox.take().map((effect) => (effect.kind === 'publish' ? effect.message.kind : ''));
}

test('a peer is blamed for its rubbish; nobody is for what the own node brought', () => {
  expect(blamed('0a1b')).toContain('BlamePeer');
  for (const own of ['', 'own', 'journal', 'beacon']) {
    expect(blamed(own)).not.toContain('BlamePeer');
  }
});
