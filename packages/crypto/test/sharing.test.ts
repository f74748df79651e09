import {
  checkSharing,
  type DkgSharing,
  type DkgTranscript,
  secretShareOf,
  shareFromRow,
  sharingHash,
  sharingOf,
  transcriptOf,
} from '@internode/crypto';
import { compareBytes } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import {
  dealBy,
  dealCheating,
  engines,
  freshConfig,
  generate,
  nodesOf,
  open,
  reshareConfig,
  type TestNode,
} from './dkg-fixture.ts';

const nodes = nodesOf(4);
const old = generate(nodes, 3);
const wider = nodesOf(7, 'wider');
const config = reshareConfig(old, wider, { threshold: 5, height: 20 });
const dealings = nodes.map((node, i) =>
  dealBy(config, node, { oldShare: old.secrets[i] as Uint8Array }),
);
const transcript = transcriptOf(engines, { config, dealings, complaints: [] }) as DkgTranscript;
const counted = dealings
  .slice(0, config.dealingsNeeded)
  .sort((a, b) => compareBytes(a.dealer, b.dealer));
const { sharing, rows } = sharingOf(config, counted);

function shareOf(node: TestNode, row: Uint8Array, of: DkgSharing = sharing) {
  const { nodeId: receiver, receiver: key } = node;
  return shareFromRow(engines.bls, {
    sharing: of,
    transcript,
    receiver,
    receiverSecret: key.secretKey,
    row,
  });
}

describe('a sharing', () => {
  test('gives each receiver the share that it would have had by hearing the dealings', () => {
    expect(checkSharing(sharing, transcript).kind).toBe('valid');
    for (const [i, node] of wider.entries()) {
      const opened = counted.map((dealing) => ({
        dealer: dealing.dealer,
        share: open(config, dealing, node) as Uint8Array,
      }));
      const request = { config, transcript, receiver: node.nodeId, opened };
      expect(shareOf(node, rows[i] as Uint8Array)).toEqual(secretShareOf(engines.bls, request));
    }
  });

  test('is bound by the transcript, whatever is changed in it', () => {
    const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 1);
    const changed: DkgSharing[] = [
      { ...sharing, ephemeralKeys: sharing.ephemeralKeys.toReversed() },
      { ...sharing, ephemeralKeys: sharing.ephemeralKeys.slice(1) },
      { ...sharing, rowHashes: sharing.rowHashes.map(flipped) },
      { ...sharing, rowHashes: [...sharing.rowHashes, new Uint8Array(32)] },
      { ...sharing, config: { ...config, threshold: 4 } },
      { ...sharing, config: { ...config, dealerIndices: [0, 1, 3, 2] } },
      { ...sharing, config: { ...config, receiverKeys: config.receiverKeys.toReversed() } },
      { ...sharing, config: { ...config, target: { summaryHeight: 21, key: 'high' } } },
    ];
    for (const each of changed) expect(checkSharing(each, transcript).kind).toBe('invalid');
    const hashes = [sharing, ...changed].map(sharingHash).map(String);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('gives nothing from the row of another receiver, a short one, or without its key', () => {
    const [first, second] = wider as [TestNode, TestNode];
    const [row] = rows as [Uint8Array];
    expect(shareOf(first, rows[1] as Uint8Array).kind).toBe('invalid');
    expect(shareOf(first, row.slice(0, -1)).kind).toBe('invalid');
    expect(shareOf(first, new Uint8Array(0)).kind).toBe('invalid');
    expect(shareOf({ ...first, receiver: second.receiver }, row).kind).toBe('invalid');
    expect(shareOf(nodes[0] as TestNode, row).kind).toBe('invalid');
  });

  test('of a dealer that cheats a receiver which was not there gives that one no share, and the others theirs', () => {
    const fresh = freshConfig(nodes, 2, 40);
    const [cheat, ...honest] = nodes as [TestNode, ...TestNode[]];
    const dealt = [dealCheating(fresh, cheat, 3), ...honest.map((node) => dealBy(fresh, node))];
    const made = transcriptOf(engines, { config: fresh, dealings: dealt, complaints: [] });
    const all = sharingOf(
      fresh,
      dealt.toSorted((a, b) => compareBytes(a.dealer, b.dealer)),
    );
    expect(checkSharing(all.sharing, made as DkgTranscript).kind).toBe('valid');
    const kinds = nodes.map(
      ({ nodeId: receiver, receiver: { secretKey: receiverSecret } }, i) =>
        shareFromRow(engines.bls, {
          sharing: all.sharing,
          transcript: made as DkgTranscript,
          receiver,
          receiverSecret,
          row: all.rows[i] as Uint8Array,
        }).kind,
    );
    expect(kinds).toEqual(['valid', 'valid', 'valid', 'invalid']);
  });
});
