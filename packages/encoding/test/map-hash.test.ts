import {
  decodeCborMap,
  encodeCbor,
  hashOfMap,
  requestIdOf,
  separator,
  sha256,
} from '@internode/encoding';
import { fromHex, toHex, utf8, valid } from '@internode/prelude';
import { expect, test } from 'vitest';

const call = {
  request_type: 'call',
  sender: new Uint8Array([4]),
  ingress_expiry: 1685570400000000000n,
  canister_id: fromHex('00000000000004D2'),
  method_name: 'hello',
  arg: fromHex('4449444c00fd2a'),
};

const CALL_ID = '1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101';

test('row 10: request id matches the vector, from values and from CBOR in any field order', () => {
  expect(toHex(hashOfMap(call))).toBe(CALL_ID);
  const reversed = Object.fromEntries(Object.entries(call).reverse());
  const decoded = decodeCborMap(encodeCbor(reversed));
  if (decoded.kind !== 'valid') throw new Error(decoded.reason);
  expect(requestIdOf(decoded.value)).toEqual(valid(fromHex(CALL_ID)));
});

test('row 10: unknown fields of the content take part in the request id', () => {
  expect(toHex(hashOfMap({ ...call, zebra: [1, 'two', { three: -3 }] }))).not.toBe(CALL_ID);
  expect(toHex(hashOfMap({ ...call, zebra: undefined }))).toBe(CALL_ID);
});

test('few fields and many are put in order alike', () => {
  for (const count of [2, 9, 32, 33, 70]) {
    const names = Array.from({ length: count }, (_, i) => `field${i}`);
    const hashed = names.map((name) => toHex(sha256(utf8(name))) + toHex(sha256(utf8('x'))));
    const expected = sha256(fromHex(hashed.sort().join('')));
    for (const order of [names, names.toReversed()])
      expect(hashOfMap(Object.fromEntries(order.map((name) => [name, 'x'])))).toEqual(expected);
  }
});

test('row 11: nested map hash matches the vector', () => {
  expect(toHex(hashOfMap({ reply: { arg: fromHex('4449444c0000') } }))).toBe(
    '3d534ec350430fce5b6c1a49a0357efe4ba33390593af96ae111fdd1f1192ec4',
  );
});

test('null and booleans have no hash', () => {
  expect(requestIdOf({ sender: null }).kind).toBe('invalid');
  expect(requestIdOf({ paths: [[true]] }).kind).toBe('invalid');
});

test('domain separators carry their length', () => {
  expect(separator('ic-request')).toEqual(utf8('\x0Aic-request'));
  expect(separator('ic-request-auth-delegation')).toEqual(utf8('\x1Aic-request-auth-delegation'));
});
