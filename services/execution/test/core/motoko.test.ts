import { candid } from '@internode/encoding';
import { expect, test } from 'vitest';
import { motoko } from '../sandbox/support.ts';
import { deploy, replied } from './management.ts';
import { Replica } from './replica.ts';

const COUNTER = motoko(`
  persistent actor {
    var count = 0;
    public func inc() : async Nat { count += 1; count };
    public query func get() : async Nat { count };
  }
`);

const nat = (bytes: Uint8Array): bigint => {
  const decoded = candid.decode([candid.nat], bytes);
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  return decoded.value[0];
};
const NO_ARGUMENTS = { argument: candid.encode([], []) };

test('a Motoko counter is installed, counts, and survives a restart', () => {
  const replica = new Replica();
  const id = deploy(replica, COUNTER);
  expect(nat(replied(replica.call(id, 'inc', NO_ARGUMENTS)))).toBe(1n);
  expect(nat(replied(replica.call(id, 'inc', NO_ARGUMENTS)))).toBe(2n);
  expect(nat(replied(replica.query(id, 'get', NO_ARGUMENTS)))).toBe(2n);
  const again = replica.restart();
  expect(nat(replied(again.query(id, 'get', NO_ARGUMENTS)))).toBe(2n);
  expect(nat(replied(again.call(id, 'inc', NO_ARGUMENTS)))).toBe(3n);
});
