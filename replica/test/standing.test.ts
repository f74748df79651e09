import type { EpochBegan, SubnetRecord, Summary } from '@internode/contracts';
import { nobleBls } from '@internode/crypto';
import { bytesEqual } from '@internode/prelude';
import { expect, test } from 'vitest';
import { dealMembers } from '../src/genesis.ts';
import { Standing } from '../src/standing.ts';

const [first, other] = dealMembers({
  addresses: ['a:1', 'b:2'],
  entropy: new Uint8Array(32).fill(9),
  bls: nobleBls,
});
if (first === undefined || other === undefined) throw new Error('two members');
const keys = first.summary.current;
const without: SubnetRecord = {
  ...keys.record,
  nodes: keys.record.nodes.filter(({ nodeId }) => !bytesEqual(nodeId, first.nodeId)),
};
const all = keys.record;

function epoch(
  height: number,
  records: readonly [SubnetRecord, SubnetRecord, SubnetRecord],
): EpochBegan {
  const [current, next, record] = records;
  const summary: Summary = {
    height,
    nextHeight: height + 10,
    current: { ...keys, record: current },
    next: { ...keys, record: next },
    configs: [],
    record,
  };
  return { kind: 'EpochBegan', height, summary, beacon: new Uint8Array(0) };
}

test('a node is told as it comes and goes, once each', () => {
  const standing = new Standing(first.nodeId, '1');
  const heard = (message: EpochBegan): string => {
    const texts = standing.began(message).map(({ level, text }) => `${level} ${text}`);
    expect(standing.began(message)).toEqual([]);
    return texts.join();
  };
  expect(heard(epoch(0, [without, without, without]))).toContain('no member of its subnet');
  expect(heard(epoch(10, [without, without, all]))).toContain('keys are being dealt');
  expect(heard(epoch(20, [without, all, all]))).toContain('becomes a member at height 30');
  expect(heard(epoch(30, [all, all, all]))).toBe('info this node is a member of its subnet');
  expect(heard(epoch(40, [all, all, without]))).toBe('');
  expect(standing.finalized(49)).toEqual([]);
  expect(heard(epoch(50, [all, without, without]))).toContain('a member up to height 59');
  expect(standing.finalized(58)).toEqual([]);
  // It does not hear of the epoch that is without it.
  expect(standing.finalized(59)[0]?.text).toContain('no member of its subnet from height 60 on');
  expect(standing.finalized(60)).toEqual([]);
});

test('an invited node is on its way until the chain has come as far as its invitation', () => {
  const standing = new Standing(first.nodeId, '1', 2);
  const text = (message: EpochBegan): string => standing.began(message)[0]?.text ?? '';
  expect(text(epoch(0, [without, without, without]))).toContain('was invited');
  const later = { ...without, version: 3 };
  expect(text(epoch(10, [later, later, later]))).toContain('no member of its subnet');
});

test('another version than the subnet wants is said', () => {
  const standing = new Standing(first.nodeId, '2');
  const [, line] = standing.began(epoch(0, [all, all, all].map(asked) as never));
  expect(line?.text).toContain('wants version 3 from height 0 on, this is 2');
});

function asked(record: SubnetRecord): SubnetRecord {
  return { ...record, replicaVersion: '3' };
}
