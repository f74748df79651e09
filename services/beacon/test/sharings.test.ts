// What was dealt in a subnet of 500, told in parts. No curve: nothing here looks at what is encrypted.
import type { Dealing, DkgConfig, Message, NodeRecord, Summary } from '@internode/contracts';
import { sharingHash, sharingOf } from '@internode/crypto';
import { sha256 } from '@internode/encoding';
import { bytesEqual, utf8 } from '@internode/prelude';
import { expect, test } from 'vitest';
import { Outbox } from '../src/core/outbox.ts';
import { SharingAsks } from '../src/core/sharing-asks.ts';
import { Sharings } from '../src/core/sharings.ts';
import { ENTRY } from '../src/core/wire.ts';

const NODES = 500;
const DEALERS = 167;
const PART_BYTES = 1_300_000;
const none = new Uint8Array(0);
const ids = Array.from({ length: NODES }, (_, i) => sha256(utf8(`node ${i}`)).slice(0, 29));
const [telling, asking] = [ids[3] as Uint8Array, ids[444] as Uint8Array];
const target = { summaryHeight: 100, key: 'high' } as const;
const config: DkgConfig = {
  target,
  threshold: 167,
  dealers: ids.slice(0, DEALERS),
  receivers: ids,
  receiverKeys: ids.map(sha256),
  dealerShareKeys: ids.slice(0, DEALERS).map(() => new Uint8Array(96)),
  dealerIndices: ids.slice(0, DEALERS).map((_, i) => i),
  dealingsNeeded: DEALERS,
};
const dealings = config.dealers.map((dealer, d): Dealing => {
  const ciphertexts = ids.map((_, i) => new Uint8Array(48).fill(d + 3 * i));
  const ephemeralKey = sha256(dealer);
  return {
    target,
    dealer,
    ephemeralKey,
    ciphertexts,
    commitments: [],
    proof: none,
    signature: none,
  };
});
const { sharing, rows } = sharingOf(config, dealings);

function summaryOf(height: number, configs: readonly DkgConfig[]): Summary {
  const nodes = ids.map(
    (nodeId): NodeRecord => ({
      nodeId,
      publicKey: none,
      voteKey: none,
      voteKeyProof: none,
      receiverKey: none,
      address: '',
    }),
  );
  const record = {
    version: 1,
    nodes,
    controller: none,
    replicaVersion: '',
    halted: false,
    epochLength: 100,
  };
  const transcript = {
    target,
    threshold: 167,
    members: ids,
    groupKey: none,
    shareKeys: [],
    dealers: config.dealers,
    sharingHash: sharingHash(sharing),
  };
  const low = { ...transcript, target: { summaryHeight: 0, key: 'low' } as const };
  const keys = { record, low, high: transcript };
  const current = { ...keys, high: { ...transcript, target: { ...target, summaryHeight: 0 } } };
  return { height, nextHeight: height + 100, current, next: keys, configs, record };
}

function nodeOf(nodeId: Uint8Array) {
  const outbox = new Outbox();
  const sharings = new Sharings(nodeId, outbox, () => {});
  const asks = new SharingAsks(nodeId, outbox, sharings);
  const advance = (...summaries: Summary[]): void => {
    sharings.advance(summaries);
    asks.advance(summaries.at(-1) as Summary);
  };
  const entries: Uint8Array[] = [];
  const take = (): Message[] =>
    outbox.take().flatMap((effect) => {
      if (effect.kind === 'persist') entries.push(effect.entry);
      return effect.kind === 'publish' ? [effect.message] : [];
    });
  return { sharings, asks, advance, take, entries };
}

test('500 members: the own row comes with the first answer, all rows in four, none too large, and so in the journal', () => {
  const member = nodeOf(telling);
  const [before, running] = [summaryOf(100, [config]), summaryOf(200, [])];
  member.advance(before);
  for (const [i, dealing] of dealings.entries()) member.sharings.heard(101 + i, dealing);
  member.advance(before, running);
  member.take();
  const joiner = nodeOf(asking);
  joiner.advance(running);
  joiner.asks.lookAfter();
  joiner.asks.timer('sharing/ask');
  let answers = 0;
  for (let said = joiner.take(); said.length > 0; said = joiner.take()) {
    for (const message of said) {
      if (message.kind !== 'AskPeer') continue;
      const { askId, topic, peer, body } = message;
      member.asks.hearQuestion({ kind: 'PeerAsked', askId, topic, peer: asking, body });
      const [answer] = member.take();
      if (answer?.kind !== 'AnswerPeer') throw new Error('no answer');
      answers += 1;
      expect(answer.body.length).toBeLessThan(PART_BYTES);
      const told = { askId, topic, peer, body: answer.body, failure: '' };
      joiner.asks.hearAnswer({ kind: 'PeerAnswered', ...told });
      const own = joiner.sharings.ownRow(running.next.high);
      expect(own?.row).toEqual(rows[444]);
    }
  }
  expect(answers).toBe(4);
  expect(joiner.sharings.incomplete()).toEqual([]);
  for (const { entries } of [member, joiner])
    for (const entry of entries) expect(entry.length).toBeLessThan(PART_BYTES);

  // From its journal it tells the next one, any row of it.
  const again = nodeOf(asking);
  for (const entry of joiner.sharings.entries()) {
    const decoded = ENTRY.decode(entry);
    if (decoded.kind === 'valid' && decoded.value.sharing)
      again.sharings.replay(decoded.value.sharing);
  }
  again.advance(running);
  expect(again.sharings.incomplete()).toEqual([]);
  const last = again.sharings.rowsFrom(target, NODES - 1);
  expect(bytesEqual(last?.rows[0] as Uint8Array, rows[NODES - 1] as Uint8Array)).toBe(true);
  expect(bytesEqual(last?.rows[1] as Uint8Array, rows[0] as Uint8Array)).toBe(true);
});
